/* cli/commands.h: the whole command line. */
#ifndef WINDROW_CLI_COMMANDS_H
#define WINDROW_CLI_COMMANDS_H

/* Run argv[1..]; returns the exit status. */
int commands_run(int argc, char **argv);

#endif

/* A PostgreSQL proxy that breaks one connection at one message.
 *
 *     proxy REPORT SOCKET ACTION DIRECTION N [TEXT]     pass everything between 127.0.0.1 and the server's Unix socket,
 *                                                       but strike at message N of that direction
 *     proxy REPORT silent                               accept, and never say a word
 *     proxy REPORT mute                                 accept, let anybody in, and never say another word
 *
 * ACTION: `rst` resets both sides instead of passing the message on; `after` passes it on, then resets; `answer` passes it
 * on, and resets instead of passing on the first answer; `swallow` keeps the connection and passes on nothing from here;
 * `half` closes the server's side only; `none` only counts; `list` writes a line to REPORT for each message of the client
 * that contains TEXT: how many the client and the server had sent until then. DIRECTION: `client` (what windrow sends) or `server`. With TEXT
 * only messages that contain it are counted. Messages of all connections count together; startup messages do not.
 *
 * The port is the first line of REPORT, written when the proxy is ready; then "struck" when it strikes, "taken" when a silent
 * one has a connection; a last line when it
 * is ended by SIGTERM: the messages of the client that counted, of the server that counted, and whether it has struck. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, CLIENT = 0, SERVER = 1 };

struct side {
    int fd;
    char *bytes;
    size_t len, capacity;
};

struct connection {
    struct side side[2];        /* what came from the client, from the server */
    bool started;               /* the startup message has passed */
    bool deaf;                  /* swallow: nothing is passed on any more */
    bool reset_on_answer;
};

static struct connection connections[CONNECTIONS_MAX];
static size_t n_connections;
static const char *action = "none", *text = "", *server_path, *report;
static int direction = CLIENT;
static unsigned long strike_at, counted[2];
static bool struck;
static volatile sig_atomic_t ended;

static void die(const char *what)
{
    fprintf(stderr, "proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void on_term(int signo)
{
    (void)signo;
    ended = 1;
}

static void tell(const char *line)
{
    FILE *out = fopen(report, "a");

    if (!out || fputs(line, out) < 0 || fclose(out) != 0)
        die(report);
}

static void tell_counts(void)
{
    char line[80];

    snprintf(line, sizeof line, "%lu %lu %d\n", counted[CLIENT], counted[SERVER], struck);
    tell(line);
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char name[4096];
    FILE *out;

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        die("listen");
    snprintf(name, sizeof name, "%s.new", report);
    out = fopen(name, "w");
    if (!out || fprintf(out, "%d\n", ntohs(address.sin_port)) < 0 || fclose(out) != 0 || rename(name, report) < 0)
        die(report);
    return fd;
}

static int connect_server(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", server_path);
    if (fd < 0)
        die("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void close_side(struct side *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->len = 0;
}

static void reset(struct connection *c)
{
    struct linger now = {1, 0};

    if (c->side[CLIENT].fd >= 0)
        setsockopt(c->side[CLIENT].fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close_side(&c->side[CLIENT]);
    close_side(&c->side[SERVER]);
}

static void pass(struct connection *c, int from, size_t len)
{
    struct side *to = &c->side[!from];
    size_t sent = 0;

    while (to->fd >= 0 && sent < len) {
        ssize_t n = send(to->fd, c->side[from].bytes + sent, len - sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            reset(c);
            return;
        }
        sent += (size_t)n;
    }
}

static void drop(struct side *s, size_t len)
{
    memmove(s->bytes, s->bytes + len, s->len - len);
    s->len -= len;
}

/* The length of the first message that is here as a whole; 0: none is. */
static size_t message(const struct connection *c, int from)
{
    const struct side *s = &c->side[from];
    size_t head = from == CLIENT && !c->started ? 0 : 1;
    uint32_t len;

    if (s->len < head + 4)
        return 0;
    memcpy(&len, s->bytes + head, 4);
    len = ntohl(len);
    return s->len < head + len ? 0 : head + len;
}

static bool is_counted(struct connection *c, int from, size_t len)
{
    size_t want = strlen(text);

    if (from == CLIENT && !c->started) {
        c->started = true;
        return false;
    }
    if (strcmp(action, "list") == 0) {
        counted[from]++;
        if (from == CLIENT && memmem(c->side[from].bytes, len, text, want))
            tell_counts();
        return false;
    }
    if (want && !memmem(c->side[from].bytes, len, text, want))
        return false;
    counted[from]++;
    return true;
}

/* Returns false when the message is not to be passed on. */
static bool strike(struct connection *c, int from, size_t len)
{
    struck = true;
    tell("struck\n");
    if (strcmp(action, "rst") == 0) {
        reset(c);
    } else if (strcmp(action, "after") == 0) {
        pass(c, from, len);
        reset(c);
    } else if (strcmp(action, "answer") == 0) {
        c->reset_on_answer = true;
        return true;
    } else if (strcmp(action, "swallow") == 0) {
        c->deaf = true;
    } else if (strcmp(action, "half") == 0) {
        shutdown(c->side[SERVER].fd, SHUT_WR);
    } else {
        return true;
    }
    return false;
}

static void pass_messages(struct connection *c, int from)
{
    size_t len;

    while (c->side[from].fd >= 0 && (len = message(c, from)) > 0) {
        bool go = true;

        if (from == SERVER && c->reset_on_answer) {
            reset(c);
            return;
        }
        if (is_counted(c, from, len) && from == direction && counted[from] == strike_at)
            go = strike(c, from, len);
        if (go && !c->deaf)
            pass(c, from, len);
        if (c->side[from].fd >= 0)
            drop(&c->side[from], len);
    }
}

static void receive(struct connection *c, int from)
{
    struct side *s = &c->side[from];
    ssize_t n;

    if (s->capacity - s->len < 65536) {
        s->capacity = s->capacity * 2 + 131072;
        s->bytes = realloc(s->bytes, s->capacity);
        if (!s->bytes)
            die("memory");
    }
    n = recv(s->fd, s->bytes + s->len, 65536, 0);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        if (c->deaf && from == SERVER) {
            close_side(s);
            return;
        }
        close_side(&c->side[CLIENT]);
        close_side(&c->side[SERVER]);
        return;
    }
    s->len += (size_t)n;
    if (c->deaf)
        s->len = 0;
    else
        pass_messages(c, from);
}

static void take(int listener)
{
    static const char welcome[] = "R\0\0\0\x08\0\0\0\0" "S\0\0\0\x19" "client_encoding\0UTF8\0" "Z\0\0\0\x05I";
    int fd = accept(listener, NULL, NULL), at_once = 1;
    struct connection *c = &connections[n_connections];
    char ignored[4096];

    if (fd < 0 || n_connections == CONNECTIONS_MAX)
        return;
    /* Messages go out one by one: each would wait for the acknowledgement of the one before, 40 ms. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    *c = (struct connection){.side = {{.fd = fd}, {.fd = -1}}};
    n_connections++;
    if (strcmp(action, "silent") == 0 || strcmp(action, "mute") == 0) {
        c->deaf = true;
        if (strcmp(action, "mute") == 0 && recv(fd, ignored, sizeof ignored, 0) > 0)
            send(fd, welcome, sizeof welcome - 1, MSG_NOSIGNAL);
        tell("taken\n");
        return;
    }
    c->side[SERVER].fd = connect_server();
    if (c->side[SERVER].fd < 0)
        reset(c);
}

static void serve(int listener)
{
    while (!ended) {
        struct pollfd fds[1 + 2 * CONNECTIONS_MAX] = {{.fd = listener, .events = POLLIN}};
        size_t n = n_connections;

        for (size_t i = 0; i < n; i++) {
            fds[1 + 2 * i] = (struct pollfd){.fd = connections[i].side[CLIENT].fd, .events = POLLIN};
            fds[2 + 2 * i] = (struct pollfd){.fd = connections[i].side[SERVER].fd, .events = POLLIN};
        }
        if (poll(fds, 1 + 2 * n, -1) < 0)
            continue;
        for (size_t i = 0; i < 2 * n; i++) {
            if (fds[1 + i].revents && connections[i / 2].side[i % 2].fd == fds[1 + i].fd && fds[1 + i].fd >= 0)
                receive(&connections[i / 2], (int)(i % 2));
        }
        if (fds[0].revents)
            take(listener);
    }
}

int main(int argc, char **argv)
{
    struct sigaction term = {.sa_handler = on_term};
    int listener;

    if (argc == 3) {
        action = argv[2];
    } else if (argc >= 6) {
        server_path = argv[2];
        action = argv[3];
        direction = strcmp(argv[4], "server") == 0 ? SERVER : CLIENT;
        strike_at = strtoul(argv[5], NULL, 10);
        text = argc > 6 ? argv[6] : "";
    } else {
        fprintf(stderr, "usage: see the head of proxy.c\n");
        return 2;
    }
    sigaction(SIGTERM, &term, NULL);
    report = argv[1];
    listener = listen_anywhere();
    serve(listener);
    tell_counts();
    return 0;
}

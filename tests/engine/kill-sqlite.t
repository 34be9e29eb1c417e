#!/bin/bash
# Killed before every system call, on sqlite; see kill.sh.
set -- sqlite
. "${0%/*}/kill.sh"

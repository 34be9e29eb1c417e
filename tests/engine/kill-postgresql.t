#!/bin/bash
# Killed before every system call, on postgresql; see kill.sh.
set -- postgresql
. "${0%/*}/kill.sh"

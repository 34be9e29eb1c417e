# tests/lib/holder.sh: another process with a transaction that stays open. Source tap.sh first.
#
#   locked SQL COMMAND...    the command runs while another process has run SQL on $db in a transaction that stays open;
#                            what the command writes to descriptor $to that process runs too

# The holder says `held` when it has the lock and lets go when its input ends.
locked() {
	local statements=$1 status=0 held
	shift
	case $db in
	sqlite:*) coproc HOLDER { exec sqlite3 -batch -init /dev/null "${db#sqlite:}"; } ;;
	*) coproc HOLDER { PGAPPNAME=holder exec psql -X -q -A -t -d "$db"; } ;;
	esac
	local pid=$HOLDER_PID to=${HOLDER[1]}
	printf 'BEGIN; %s; SELECT '\''held'\'';\n' "$statements" >&"$to"
	while read -r held <&"${HOLDER[0]}" && [ "$held" != held ]; do :; done
	"$@" || status=$?
	exec {to}>&-
	wait "$pid" 2>/dev/null
	return $status
}

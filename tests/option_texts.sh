# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=sh
# What a table of options says and what its manual page says, to be compared: "name: text Allowed: ... Default: ..." on
# one line for each option.
#
#   from_sample COMMAND [argument ...]   of the commented sample that the command prints
#   from_manual FILE                     of the first list of the page

from_sample() {
	"$@" | awk '
		/^# / { text = text " " substr($0, 3); next }
		/^#/ {
			sub(/^#/, ""); name = $1; sub(/^[^=]*= /, "")
			print name ":" text " Default: " $0 "."; text = ""
		}'
}
from_manual() {
	awk '
		function end() { if (name) print name ":" text; name = text = "" }
		/^\.It Cm / { end(); name = $3; next }
		/^\.El/ { end(); exit }
		/^\./ { next }
		name { text = text " " $0 }' "$1"
}

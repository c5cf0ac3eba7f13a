# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# The answers of two adapters beside each other:
#
#	awk -f compare.awk differences simulated real
#
# Prints a line "0 TEXT" for each transition that both answer alike or as the list of differences says, "1 TEXT" for the
# others, after lines "# TEXT" that say what is not so.
BEGIN { FS = "\t" }

FILENAME == ARGV[1] && !/^#/ && NF >= 3 { attempts[++entries] = $1; answers[entries] = $2 }
FILENAME == ARGV[2] { add($1); simulated[$1] = $2 }
FILENAME == ARGV[3] && NF == 2 { add($1); real[$1] = $2 }

function add(attempt,  part) {
	if (attempt in known)
		return
	known[attempt] = 1
	names[++count] = attempt
	split(attempt, part, " ")
	cell_of[count] = part[1] " " part[2] " to " part[3]
	if (!(cell_of[count] in number)) {
		number[cell_of[count]] = ++cells
		cell[cells] = cell_of[count]
	}
}

function entry_of(attempt,  i) {
	for (i = 1; i <= entries; i++)
		if (attempt ~ attempts[i] && real[attempt] ~ answers[i])
			return i
	return 0
}

function compare(attempt, at,  entry) {
	total[at]++
	if (attempt in simulated && attempt in real && simulated[attempt] == real[attempt])
		return
	entry = entry_of(attempt)
	if (entry && attempt in simulated) {
		used[entry] = 1
		listed[at]++
		return
	}
	bad[at] = 1
	printf "# %s: simulated \"%s\", real \"%s\"\n", attempt, simulated[attempt], real[attempt]
}

END {
	for (i = 1; i <= count; i++)
		compare(names[i], number[cell_of[i]])
	for (i = 1; i <= cells; i++)
		printf "%d rxe and the simulated adapter: %s, %d answers%s\n", bad[i], cell[i], total[i],
			listed[i] ? ", " listed[i] " of them differ as listed" : ""
	for (i = 1; i <= entries; i++)
		if (!(i in used))
			printf "# not needed: %s\n", attempts[i]
	printf "%d each listed difference is there\n", length(used) != entries
}

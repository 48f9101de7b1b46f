#!/bin/sh
# Draws the systems' times of a run as a chart, by gnuplot (Debian: gnuplot-nox).
#
#	sh bench/chart.sh [bench/results/10M.systems.csv [PATTERN]]
#
# One bar a system below the name of each work, on a logarithmic scale; with PATTERN (an awk regular
# expression), only the works that match it. The SVG file lies beside the CSV file.
set -eu

# shellcheck source=test/cluster.sh
. "$(dirname "$0")/../test/cluster.sh"
CSV=${1:-$TOP/bench/results/10M.systems.csv}
[ -f "$CSV" ] || die "no such file: $CSV"
command -v gnuplot >/dev/null || need_packages gnuplot-nox
WORK=$(mktemp -d "${TMPDIR:-/tmp}/user_profile.XXXXXX")
at_exit 'rm -rf "$WORK"'

# The last median of each system for the works that more than one of them did, as rows of a
# picture: row, median, colour; names and titles beside them
sed 's/"//g' "$CSV" | awk -F , -v directory="$WORK" -v pattern="${2:-.}" '
	NR > 1 && $4 == "ms" && $5 != "" && $2 ~ pattern {
		if (!($2 in count)) works[++n] = $2
		if (!(($2, $3) in median)) systems[$2, ++count[$2]] = $3
		median[$2, $3] = $5
	}
	END {
		for (w = 1; w <= n; w++) {
			work = works[w]
			if (count[work] < 2) continue
			row += 1.6
			printf "set label \"%s\" at graph 0, first %g offset 0,0 left\n", work, row >(directory "/titles")
			for (s = 1; s <= count[work]; s++) {
				system_name = systems[work, s]
				print ++row, median[work, system_name], (system_name ~ /^user_profile/ ? "0x1f77b4" : "0x999999") >(directory "/bars")
				tics = tics (tics == "" ? "" : ", ") "\"" system_name "\" " row
			}
		}
		if (row == 0) exit 1
		printf "set ytics (%s)\nset yrange [%g:0.5]\n", tics, row + 0.7 >(directory "/titles")
		print row >(directory "/rows")
	}' || die "$CSV compares nothing"

{
	printf 'set terminal svg size 860,%d font "sans-serif,12" background "#ffffff" noenhanced\n' \
		"$(awk '{ print int($1 * 19) + 90 }' "$WORK/rows")"
	printf 'set output "%s"\n' "${CSV%.csv}.svg"
	printf 'set logscale x\nset xrange [0.01:*]\nset xlabel "milliseconds, median (less is better)"\n'
	printf 'set style fill solid 0.8 noborder\nset grid xtics\nset border 1\nset tics nomirror scale 0\nunset key\n'
	cat "$WORK/titles"
	printf 'plot "%s" using (0.01):1:(0.01):2:($1-0.4):($1+0.4):3 with boxxyerror linecolor rgb variable\n' "$WORK/bars"
} >"$WORK/chart.gp"
gnuplot "$WORK/chart.gp"
say "${CSV%.csv}.svg"

#!/bin/sh
# Draws the systems' times of a run as a chart, by gnuplot (Debian: gnuplot-nox).
#
#	sh bench/chart.sh [bench/results/10M.systems.csv]
#
# One panel a work, two in a row, one bar a system, on a logarithmic scale; the SVG file lies beside the CSV file.
# Where a system was measured more than once in a run, its last median counts.
set -eu

# shellcheck source=test/cluster.sh
. "$(dirname "$0")/../test/cluster.sh"
command -v gnuplot >/dev/null || need_packages gnuplot-nox
CSV=${1:-$TOP/bench/results/10M.systems.csv}
[ -f "$CSV" ] || die "no such file: $CSV"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/user_profile.XXXXXX")
at_exit 'rm -rf "$WORK"'

# The works that more than one system did, in the order of the run
sed 's/"//g' "$CSV" | awk -F , '
	NR > 1 && $4 == "ms" && $5 != "" && !seen[$2, $3]++ { if (!n[$2]++) order[++works] = $2 }
	END { for (w = 1; w <= works; w++) if (n[order[w]] > 1) print order[w] }' >"$WORK/works"
[ -s "$WORK/works" ] || die "$CSV compares nothing"

{
	count=$(wc -l <"$WORK/works")
	printf 'set terminal svg size 1300,%d font "sans-serif,12" background "#ffffff" noenhanced\n' $((count * 105 + 105))
	printf 'set output "%s"\n' "${CSV%.csv}.svg"
	printf 'set multiplot layout %d,2\n' $(((count + 1) / 2))
	printf 'set logscale x\nset xrange [0.01:*]\nset xlabel "milliseconds, median (less is better)"\n'
	printf 'set style fill solid 0.8 noborder\nset grid xtics\nset lmargin 29\nunset key\nset datafile separator "\\t"\n'
	number=0
	while read -r work; do
		number=$((number + 1))
		# system, median, row
		sed 's/"//g' "$CSV" | awk -F , -v work="$work" '
			$2 == work && $5 != "" { if (!($3 in median)) order[++n] = $3; median[$3] = $5 }
			END { for (i = 1; i <= n; i++) printf "%s\t%s\t%d\n", order[i], median[order[i]], i }' >"$WORK/$number"
		printf 'set title "%s"\nset yrange [%d.5:0.5]\n' "$work" "$(wc -l <"$WORK/$number")"
		printf 'plot "%s" using (0.01):3:(0.01):2:($3-0.35):($3+0.35):($3*0 + (strcol(1)[1:12] eq "user_profile" ? 0x1f77b4 : 0x999999)):ytic(1) ' "$WORK/$number"
		printf 'with boxxyerror linecolor rgb variable\n'
	done <"$WORK/works"
	printf 'unset multiplot\n'
} >"$WORK/chart.gp"
gnuplot "$WORK/chart.gp"
say "${CSV%.csv}.svg"

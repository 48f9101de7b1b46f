#!/bin/sh
# Print a C file as pgindent would lay it out: pg_bsd_indent with PostgreSQL's options, and
# the few corrections that PostgreSQL's pgindent script makes around it.
#
#	sh test/pgindent.sh TYPEDEFS FILE
#
# TYPEDEFS is a file of type names, one a line (see typedefs in lint.sh).

set -eu

perl -pe '
	s/[ \t]+$//;
	s{/\* +---}{/*---X_X}g;			# keep indent off the dash-protected comments
' <"$2" |
	pg_bsd_indent -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79 \
		-lp -lpl -nip -npro -sac -tpg -ts4 -U"$1" |
	perl -pe '
		s{/\*---X_X}{/* ---}g;
		s{\*/(/\*.*\*/)$}{*/\t$1};			# a tab between run-together comments
		s{^([A-Za-z_]\S*)[ \t]+\*$}{$1 *};	# one space before * in a result type
	'

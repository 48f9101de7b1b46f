#!/usr/bin/perl
# Run the examples of the documentation, and compare what they print with what it shows.
#
#	perl test/readme.pl [--update] FILE...
#
# The ```sql blocks of each FILE run in their order, in one session of psql in a database of its
# own, where the extension is unless a block creates it; the libpq environment (PGHOST, ...) says
# in which cluster, which should be a throw-away one. A ```text block right after one is its
# output; a block without output must run without an error. "<!-- not run -->" on the line before
# a block leaves it out. Table rows between "<!-- begin: FILE -->" and "<!-- end: FILE -->" must
# stand in FILE as well. Without FILE: README.md and all of doc/. --update writes the output that
# there is now into FILE, and doc/reference.md anew. Prints TAP.
use strict;
use warnings;

use File::Basename;

my $update = @ARGV && $ARGV[0] eq '--update' && shift;
my @files = @ARGV;
unless (@files)
{
	chdir dirname($0) . '/..' or die "$0: $!\n";
	@files = ('README.md', glob 'doc/*.md');
}
my $tests = 0;
my $failed = 0;

# What differs from run to run
sub masked
{
	my ($text) = @_;
	$text =~ s/\d+ events\/s/N events\/s/g;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

sub ok
{
	my ($true, $name, @diagnosis) = @_;
	$tests++;
	$failed++ unless $true;
	print $true ? 'ok' : 'not ok', " $tests - $name\n";
	unless ($true)
	{
		for (@diagnosis) { my $text = $_; $text =~ s/^/# /mg; print "$text\n"; }
	}
}

sub slurp
{
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

# Run psql on a script, and return all that it prints, on both outputs
sub psql
{
	my ($database, $script) = @_;
	my $name = "/tmp/user_profile.readme.$$";
	open my $out, '>', $name or die "$name: $!\n";
	print $out $script;
	close $out or die "$name: $!\n";
	local $ENV{PGOPTIONS} = '-c client_min_messages=notice -c timezone=UTC -c intervalstyle=postgres -c datestyle=ISO';
	my $output = `psql -X -q -d '$database' <'$name' 2>&1`;
	unlink $name;
	return $output;
}

for my $file (@files)
{
	my @lines = split /^/, slurp($file);
	my (@blocks, @included);
	my ($block, $output, $skip, $included, $blank);

	# Find the blocks: from first to last line (of the whole), and the output's
	for my $i (0 .. $#lines)
	{
		my $line = $lines[$i];
		if ($block && !$block->{done})
		{
			if ($line =~ /^```\s*$/) { $block->{done} = 1; $blank = 0; }
			else { $block->{code} .= $line; }
		}
		elsif ($output)
		{
			if ($line =~ /^```\s*$/) { $output->{output_end} = $i; undef $output; undef $block; }
			else { $output->{output} .= $line; }
		}
		elsif ($line =~ /^```sql\s*$/ && !$skip)
		{
			$block = { line => $i + 1, code => '' };
			push @blocks, $block;
		}
		elsif ($block && $line =~ /^```text\s*$/)
		{
			$output = $block;
			$block->{output} = '';
			$block->{output_start} = $i;
		}
		elsif ($line =~ /\S/) { undef $block; }
		$skip = $line =~ /^<!-- not run -->/ unless $line !~ /\S/;

		if ($line =~ /^<!-- begin: (\S+) -->/) { $included = $1; }
		elsif ($line =~ /^<!-- end: /) { undef $included; }
		elsif ($included && $line =~ /^\|/) { push @included, [ $included, $i + 1, $line ]; }
	}

	for (@included)
	{
		my ($of, $number, $row) = @$_;
		(my $directory = $file) =~ s,[^/]*$,,;
		ok(index(slurp("$directory$of"), $row) >= 0, "$file:$number: is in $of");
	}
	next unless @blocks;

	my $database = "readme_$$";
	# Roles belong to the whole cluster
	my @roles = map { $_->{code} =~ /^CREATE ROLE (\w+)/mg } @blocks;
	my $drop_roles = join '', map { "DROP ROLE IF EXISTS $_;\n" } @roles;
	psql('postgres', "CREATE DATABASE $database;");
	psql($database, 'CREATE EXTENSION user_profile;')
		unless grep { $_->{code} =~ /CREATE EXTENSION user_profile;/ } @blocks;
	my $script = '';
	for my $n (0 .. $#blocks)
	{
		$script .= $blocks[$n]{code} . "\n\\echo\n\\echo :: end of block $n\n";
	}
	my $all = psql($database, $script);
	psql('postgres', "DROP DATABASE $database;\n$drop_roles");

	my $rest = $all;
	for my $n (0 .. $#blocks)
	{
		my $b = $blocks[$n];
		my $name = "$file:$b->{line}";
		unless ($rest =~ s/\A(.*?)^:: end of block $n\n//ms)
		{
			ok(0, "$name: runs", $rest);
			last;
		}
		my $got = $1;
		$b->{got} = $got;
		if (!defined $b->{output})
		{
			ok($got !~ /^(?:ERROR|FATAL|psql):/m, "$name: runs", $got);
		}
		else
		{
			ok(masked($got) eq masked($b->{output}), "$name: prints what is shown",
				"shown:", masked($b->{output}), "printed:", masked($got));
		}
	}

	if ($update)
	{
		for my $b (reverse grep { defined $_->{output} && defined $_->{got} } @blocks)
		{
			my $got = $b->{got};
			next if masked($got) eq masked($b->{output});
			$got =~ s/[ \t]+$//mg;
			$got =~ s/\A\n+|\n+\z//g;
			splice @lines, $b->{output_start} + 1, $b->{output_end} - $b->{output_start} - 1, "$got\n";
		}
		open my $out, '>', $file or die "$file: $!\n";
		print $out @lines;
		close $out or die "$file: $!\n";
	}
}

# The reference is made from the catalogs
if (!@ARGV)
{
	my $database = "readme_$$";
	psql('postgres', "CREATE DATABASE $database;");
	psql($database, 'CREATE EXTENSION user_profile;');
	my $reference = `psql -X -q -A -t -d '$database' -f doc/reference.sql 2>&1`;
	psql('postgres', "DROP DATABASE $database;");
	ok($reference eq slurp('doc/reference.md'), 'doc/reference.md is as doc/reference.sql writes it',
		'perl test/readme.pl --update writes it anew, in a throw-away cluster.');
	if ($update)
	{
		open my $out, '>', 'doc/reference.md' or die "doc/reference.md: $!\n";
		print $out $reference;
		close $out or die "doc/reference.md: $!\n";
	}
}
print "1..$tests\n";
exit($failed && !$update ? 1 : 0);

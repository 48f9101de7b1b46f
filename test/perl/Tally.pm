
=head1 NAME

Tally - a TAP::Harness that also writes its counts to a file

=head1 SYNOPSIS

	TALLY=/tmp/counts prove --harness Tally t/*.pl

=head1 DESCRIPTION

prove says how many tests there were, but not in one place how many of them passed. This
writes one line "PASSED FAILED SKIPPED" to the file named by TALLY. A test program that goes
wrong in any other way than by a failed test (died, printed no plan, ran fewer tests than
planned) counts as one failure. Why tests were skipped goes to the file's name with ".skipped"
appended, a line each.

=cut

package Tally;

use strict;
use warnings;

use parent 'TAP::Harness';

sub runtests
{
	my ($self, @tests) = @_;
	my @reasons;

	$self->callback(
		made_parser => sub {
			my ($parser, $test) = @_;
			my $name = ref $test ? $test->[0] : $test;
			$name =~ s{.*/}{};
			$parser->callback(
				test => sub {
					my ($result) = @_;
					push @reasons, "$name: " . $result->explanation
					  if $result->has_skip;
				});
			$parser->callback(
				plan => sub {
					my ($result) = @_;
					push @reasons, "$name: " . $result->explanation
					  if $result->directive && $result->directive eq 'SKIP';
				});
		});
	my $aggregator = $self->SUPER::runtests(@tests);

	my ($passed, $failed, $skipped) = (0, 0, 0);
	foreach my $parser ($aggregator->parsers)
	{
		my $skips = $parser->skipped;
		$skipped += $skips;
		$passed += $parser->passed - $skips;
		$failed += $parser->failed;
		$skipped++ if defined $parser->skip_all;
		$failed++ if $parser->has_problems && !$parser->failed;
	}

	write_lines($ENV{TALLY}, "$passed $failed $skipped");
	write_lines("$ENV{TALLY}.skipped", @reasons);

	return $aggregator;
}

sub write_lines
{
	my ($path, @lines) = @_;

	open(my $file, '>', $path) or die "could not open $path: $!";
	print $file "$_\n" foreach @lines;
	close($file) or die "could not write $path: $!";
}

1;

#!/usr/bin/perl
# Every example of README.md and docs/ is run and its output compared.
#
# In a fenced block "```console" a line that begins with "$ " is a command and what follows its output, both streams;
# a line "..." stands for any lines. "```yaml NAME", "```sql NAME" and their like are files that the commands of the same
# page find. Times and memory differ from run to run and are not compared.
use strict;
use warnings;
use File::Temp;
use File::Path 'make_path';
use File::Basename;
use Cwd 'abs_path';

my $root = dirname(dirname(abs_path($0)));
my @pages = @ARGV ? map { abs_path($_) } @ARGV : ("$root/README.md", glob("$root/docs/*.md $root/docs/*/*.md"), "$root/importer/README.md");
$ENV{PATH} = "$root/build-dev:$ENV{PATH}";
$ENV{PATH} = dirname(abs_path($ENV{WINDROW})) . ":$ENV{PATH}" if $ENV{WINDROW};
$ENV{LC_ALL} = 'C.UTF-8';
$ENV{TZ} = 'UTC';
delete $ENV{WINDROW_TARGET};
my ($count, $failed) = (0, 0);

sub ok {
    my ($good, $sentence, @more) = @_;
    $count++;
    print $good ? "ok $count - $sentence\n" : "not ok $count - $sentence\n";
    return if $good;
    $failed++;
    print map { "#   $_\n" } @more;
}

sub blocks {
    my ($page) = @_;
    open my $file, '<', $page or die "$page: $!";
    my ($info, $line, @text, @blocks);
    while (<$file>) {
        chomp;
        if (!defined $info) {
            ($info, $line, @text) = ($1, $.) if /^```(.*)$/;
        } elsif ($_ eq '```') {
            push @blocks, {info => $info, line => $line, text => [@text]};
            undef $info;
        } else {
            push @text, $_;
        }
    }
    die "$page:$line: this block has no end\n" if defined $info;
    return @blocks;
}

sub plain {
    my ($line) = @_;
    $line =~ s/^(  (?:took|started)) .*/$1 .../;
    $line =~ s/\d+\.\d{3} s$/0.000 s/;
    $line =~ s/\s+$//;
    return $line;
}

# Do the lines fit the expected ones, of which "..." takes any number?
sub fits {
    my ($expected, $lines) = @_;
    my $pattern = join '', map { $_ eq '...' ? '(?:.*\n)*?' : quotemeta($_) . '\n' } @$expected;
    return join('', map { "$_\n" } @$lines) =~ /^$pattern\z/ ? 1 : 0;   # an empty list would be no argument at all
}

sub run {
    my ($command, $status) = @_;
    open my $out, '-|', 'bash', '-c', "exec 2>&1 </dev/null; (exit $status); $command" or die $!;
    my @lines = map { s/\n\z//r } <$out>;
    close $out;
    return ($? >> 8, map { plain($_) } @lines);
}

sub console {
    my ($page, $block) = @_;
    my ($status, @steps) = (0);
    for my $line (@{$block->{text}}) {
        if ($line =~ /^\$ (.*)/) {
            push @steps, {command => $1, output => []};
        } elsif (@steps && !@{$steps[-1]{output}} && $steps[-1]{command} =~ s/\\$//) {
            $steps[-1]{command} .= $line;
        } elsif (@steps) {
            push @{$steps[-1]{output}}, plain($line);
        }
    }
    for my $step (@steps) {
        ($status, my @lines) = run($step->{command}, $status);
        ok(fits($step->{output}, \@lines), "$page:$block->{line}: $step->{command}", 'expected:', @{$step->{output}}, 'found:', @lines);
    }
}

for my $page (@pages) {
    my $name = substr $page, length($root) + 1;
    my $scratch = File::Temp->newdir;
    chdir $scratch or die $!;
    for my $block (blocks($page)) {
        if ($block->{info} eq 'console') {
            console($name, $block);
        } elsif ($block->{info} =~ /^\w+ (\S+)$/) {
            make_path(dirname($1));
            open my $file, '>', $1 or die "$1: $!";
            print $file map { "$_\n" } @{$block->{text}};
        }
    }
    chdir '/';

    # Links within the repository lead somewhere.
    open my $file, '<', $page or die $!;
    my $text = do { local $/; <$file> };
    $text =~ s/^```.*?^```$//gms;
    for my $link ($text =~ /\]\(([^)#\s]+)[^)]*\)/g) {
        next if $link =~ /^\w+:/;
        ok(-e dirname($page) . "/$link", "$name: there is $link");
    }
}
unless (@ARGV) {
    open my $index, '<', "$root/docs/README.md" or die $!;
    my $listed = do { local $/; <$index> };
    for my $page (map { substr $_, length("$root/docs/") } glob("$root/docs/*.md $root/docs/*/*.md")) {
        ok($page eq 'README.md' || index($listed, "]($page)") >= 0, "docs/README.md lists $page");
    }
    my (undef, @help) = run('windrow help', 0);
    my @commands = map { /^  ([a-z]+)(?: |$)/ ? $1 : () } @help;
    open my $file, '<', "$root/docs/cli.md" or die $!;
    my $text = do { local $/; <$file> };
    for my $command (@commands) {
        ok(scalar($text =~ /^\$ windrow help $command$/m), "docs/cli.md tells of $command");
    }
}
print "1..$count\n";
exit($failed ? 1 : 0);

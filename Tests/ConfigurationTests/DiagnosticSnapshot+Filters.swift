// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Filters and their processes.
  static let filters = list(
    #"""
    >>> filter
    t.conf:1: unexpected end of line
        filter
              ^
        expected a filter's name
    >>> filter f
    t.conf:1: unexpected end of line
        filter f
                ^
        expected proc, proc-exec, phase or chain
    >>> filter f frob
    t.conf:1: unexpected "frob"
        filter f frob
                 ^~~~
        expected proc, proc-exec, phase or chain; did you mean "proc"?
    >>> filter f proc
    t.conf:1: unexpected end of line
        filter f proc
                     ^
        expected a process's name
    >>> filter f proc p
    t.conf:1: proc "p" is not declared
        filter f proc p
                      ^
    >>> proc p "/x"\nproc p "/y"
    t.conf:2: proc "p" is declared twice
        proc p "/y"
             ^
    >>> proc p
    t.conf:1: unexpected end of line
        proc p
              ^
        expected a command
    >>> proc p ""
    t.conf:1: a command is empty
        proc p ""
               ^~
    >>> proc p "/x" user "a b"
    t.conf:1: "a b" is no user name
        proc p "/x" user "a b"
                         ^~~~~
        expected a name without spaces, "/", ":" and ","
    >>> proc p "/x" group "a b"
    t.conf:1: "a b" is no group name
        proc p "/x" group "a b"
                          ^~~~~
        expected a name without spaces, "/", ":" and ","
    >>> proc p "/x" chroot "var"
    t.conf:1: "var" is no absolute path
        proc p "/x" chroot "var"
                           ^~~~~
        expected a path that begins with "/"
    >>> proc p "/x" user a user b
    t.conf:1: user is given twice
        proc p "/x" user a user b
                           ^~~~
    >>> filter f proc-exec
    t.conf:1: unexpected end of line
        filter f proc-exec
                          ^
        expected a command
    >>> filter f phase
    t.conf:1: unexpected end of line
        filter f phase
                      ^
        expected connect, helo, ehlo, auth, mail-from, rcpt-to, data or commit
    >>> filter f phase conect match fcrdns junk
    t.conf:1: unexpected "conect"
        filter f phase conect match fcrdns junk
                       ^~~~~~
        expected connect, helo, ehlo, auth, mail-from, rcpt-to, data or commit; did you mean "connect"?
    >>> filter f phase connect fcrdns junk
    t.conf:1: unexpected "fcrdns"
        filter f phase connect fcrdns junk
                               ^~~~~~
        expected "match"
    >>> filter f phase connect match helo "x" junk
    t.conf:1: helo has no meaning in phase connect
        filter f phase connect match helo "x" junk
                                     ^~~~
    >>> filter f phase helo match rcpt-to "x" junk
    t.conf:1: rcpt-to has no meaning in phase helo
        filter f phase helo match rcpt-to "x" junk
                                  ^~~~~~~
    >>> filter f phase ehlo match auth junk
    t.conf:1: auth has no meaning in phase ehlo
        filter f phase ehlo match auth junk
                                  ^~~~
    >>> filter f phase connect match fcrdns reject "no"
    t.conf:1: "no" is no reply that refuses
        filter f phase connect match fcrdns reject "no"
                                                   ^~~~
        expected 4yz or 5yz, a space and a text
    >>> filter f phase connect match fcrdns reject "250 ok"
    t.conf:1: "250 ok" is no reply that refuses
        filter f phase connect match fcrdns reject "250 ok"
                                                   ^~~~~~~~
        expected 4yz or 5yz, a space and a text
    >>> filter f phase connect match fcrdns disconnect
    t.conf:1: unexpected end of line
        filter f phase connect match fcrdns disconnect
                                                      ^
        expected a reply
    >>> filter f phase commit match fcrdns junk
    t.conf:1: junk has no meaning in phase commit
        filter f phase commit match fcrdns junk
                                           ^~~~
    >>> filter f phase commit match fcrdns bypass
    t.conf:1: bypass has no meaning in phase commit
        filter f phase commit match fcrdns bypass
                                           ^~~~~~
    >>> filter f phase data match fcrdns drop
    t.conf:1: unexpected "drop"
        filter f phase data match fcrdns drop
                                         ^~~~
        expected reject, disconnect, rewrite, report, junk or bypass
    >>> filter f phase connect match fcrdns junk\nfilter f phase connect match fcrdns junk
    t.conf:2: filter "f" is declared twice
        filter f phase connect match fcrdns junk
               ^
    >>> filter f phase connect match fcrdns junk\nfilter g chain { f, f }
    t.conf:2: filter "f" is given twice
        filter g chain { f, f }
                            ^
    >>> filter f phase connect match fcrdns junk\nfilter g chain { f }\nfilter h chain { g }
    t.conf:3: filter "g" is a chain itself
        filter h chain { g }
                         ^
    >>> proc p "/x"\nfilter f proc p\nfilter g proc p\nfilter h chain { f, g }
    t.conf:4: filters "f" and "g" are the same process
        filter h chain { f, g }
                            ^
    >>> filter f phase connect match src { "1.2.3" } junk
    t.conf:1: "1.2.3" is no address and no network
        filter f phase connect match src { "1.2.3" } junk
                                           ^~~~~~~
        expected an IPv4 or IPv6 address, perhaps with /PREFIX, or local
    >>> admd
    t.conf:1: unexpected end of line
        admd
            ^
        expected a domain
    >>> admd ""
    t.conf:1: admd is empty
        admd ""
             ^~
    >>> admd "a\tb"
    t.conf:1: admd has characters that cannot be printed
        admd "a	b"
             ^~~~~
    >>> filter f chain
    t.conf:1: unexpected end of line
        filter f chain
                      ^
        expected "{"
    >>> filter f chain { }
    t.conf:1: chain is empty
        filter f chain { }
                       ^
    >>> filter f phase rcpt-to match rcpt-to regex "(" junk
    t.conf:1: "(" is no regular expression: a parenthesis without its other half
        filter f phase rcpt-to match rcpt-to regex "(" junk
                                                   ^~~
        expected a POSIX extended regular expression
    >>> filter f phase helo match helo junk
    t.conf:1: "junk" has to be quoted here
        filter f phase helo match helo junk
                                       ^~~~
        expected a table
    >>> filter f phase mail-from match mail-from { a = b } junk
    t.conf:1: this table has values
        filter f phase mail-from match mail-from { a = b } junk
                                                 ^
        expected a list: { entry, entry }
    >>> filter f phase auth match ! auth
    t.conf:1: unexpected end of line
        filter f phase auth match ! auth
                                        ^
        expected reject, disconnect, rewrite, report, junk or bypass
    >>> filter f phase data match rcpt-to "x" junk
    t.conf:1: rcpt-to has no meaning in phase data
        filter f phase data match rcpt-to "x" junk
                                  ^~~~~~~
    >>> admd match
    t.conf:1: "match" has to be quoted here
        admd match
             ^~~~~
        expected a domain
    """#
  )
}

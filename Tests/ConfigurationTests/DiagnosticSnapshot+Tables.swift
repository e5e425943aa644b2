// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// More of tables.
  static let tables = list(
    #"""
    >>> table n "/net"
    t.conf:1: /net:2: "10.0.0.0/8" has no value, which line 1 has for its colon: a list needs "# @list" above it, or brackets around IPv6 addresses
        table n "/net"
                ^~~~~~
    >>> table n "/net6"\nmatch from src <n> reject
    t.conf:2: table "n" has values
        match from src <n> reject
                        ^
        expected a list: IPv6 addresses need "# @list" above the first one, or brackets around each
    >>> table nets {\n192.0.2.1,\n192.0.2.0/33\n}\nmatch from src <nets> for any reject
    t.conf:3: "192.0.2.0/33" is no address and no network, and is used in line 5
        192.0.2.0/33
        ^~~~~~~~~~~~
        expected an IPv4 or IPv6 address, perhaps with /PREFIX, or local
    >>> match from src {\n 192.0.2.1\n 192.0.2.0/33\n} for any reject
    t.conf:3: "192.0.2.0/33" is no address and no network
         192.0.2.0/33
         ^~~~~~~~~~~~
        expected an IPv4 or IPv6 address, perhaps with /PREFIX, or local
    >>> table n { 192.0.2.1 = m,\n x.Example = a }\naction a relay helo-src <n>\naction b relay helo-src <n>
    t.conf:2: "x.example" is no address, and is used in line 3
         x.Example = a }
         ^~~~~~~~~
        expected an IPv4 or IPv6 address
    >>> table
    t.conf:1: unexpected end of line
        table
             ^
        expected a table's name
    >>> table t
    t.conf:1: unexpected end of line
        table t
               ^
        expected a path, TYPE:path or "{"
    >>> table { a }
    t.conf:1: unexpected "{"
        table { a }
              ^
        expected a table's name
    >>> table "" { a }
    t.conf:1: a table's name is empty
        table "" { a }
              ^~
    >>> table match { a }
    t.conf:1: "match" has to be quoted here
        table match { a }
              ^~~~~
        expected a table's name
    >>> table t :/x
    t.conf:1: "" is no type of a table
        table t :/x
                ^~~
        expected letters, digits, "-" and "_" before the colon
    >>> table t db:x
    t.conf:1: "x" is no absolute path
        table t db:x
                ^~~~
        expected a path that begins with "/", perhaps behind TYPE:
    >>> table t db:
    t.conf:1: "" is no absolute path
        table t db:
                ^~~
        expected a path that begins with "/", perhaps behind TYPE:
    >>> table t "my type:/x"
    t.conf:1: "my type" is no type of a table
        table t "my type:/x"
                ^~~~~~~~~~~~
        expected letters, digits, "-" and "_" before the colon
    >>> table t { a => b, c = }
    t.conf:1: unexpected "}"
        table t { a => b, c = }
                              ^
        expected a value
    >>> table t { "a" = "b" "c" = "d" }
    t.conf:1: unexpected "c"
        table t { "a" = "b" "c" = "d" }
                            ^~~
        expected "," or "}"
    >>> table t { = b }
    t.conf:1: unexpected "="
        table t { = b }
                  ^
        expected an entry or "}"
    >>> table t { a, , b }
    t.conf:1: unexpected ","
        table t { a, , b }
                     ^
        expected an entry or "}"
    >>> table t { a } b
    t.conf:1: unexpected "b"
        table t { a } b
                      ^
        expected end of line
    >>> table <t> { a }
    t.conf:1: unexpected "<"
        table <t> { a }
              ^
        expected a table's name
    >>> table t /etc/aliases
    t.conf:1: what begins with "/" has to be quoted
        table t /etc/aliases
                ^
        expected a path, TYPE:path or "{"
    >>> table t proc:bin/helper
    t.conf:1: "bin/helper" is no absolute path
        table t proc:bin/helper
                ^~~~~~~~~~~~~~~
        expected a path that begins with "/", perhaps behind TYPE:
    >>> table t static:x
    t.conf:1: "x" is no absolute path
        table t static:x
                ^~~~~~~~
        expected a path that begins with "/", perhaps behind TYPE:
    >>> table t file:/re\nmatch from any mail-from regex <t> for any reject
    t.conf:2: /re:2: "(unclosed" is no regular expression: a parenthesis without its other half
        match from any mail-from regex <t> for any reject
                                        ^
        expected a POSIX extended regular expression
    >>> table t file:/re\nmatch !from src <t> for any reject
    t.conf:2: /re:2: "(unclosed" is no address and no network
        match !from src <t> for any reject
                        ^
        expected an IPv4 or IPv6 address, perhaps with /PREFIX, or local
    >>> table t file:/hosts\naction a relay host <t>
    t.conf:2: /hosts:3: "gopher://b": unknown protocol "gopher"
        action a relay host <t>
                             ^
        expected smtp, smtp+tls, smtp+notls, smtps or lmtp
    >>> table t file:/names\naction a relay src 192.0.2.1 helo-src <t>
    t.conf:2: /names:2: "-b" is no host name
        action a relay src 192.0.2.1 helo-src <t>
                                               ^
        expected letters, digits, hyphens and dots
    >>> table t file:/names\naction a relay domain <t>
    t.conf:2: /names:2: "-b": "-b" is no host
        action a relay domain <t>
                               ^
    """#
  )
}

// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Macros, files, and what is no statement.
  static let syntax = list(
    #"""
    >>> table t { a = b\n c }
    t.conf:2: unexpected "}"
         c }
           ^
        expected "="
    >>> match from any\nfor any reject
    t.conf:1: unexpected end of line
        match from any
                      ^
        expected from, for, auth, helo, mail-from, rcpt-to, tag, tls, action or reject
    t.conf:2: unexpected "for"
        for any reject
        ^~~
        expected a directive or name = "value"
    >>> include /etc/x
    t.conf:1: what begins with "/" has to be quoted
        include /etc/x
                ^
        expected a file's path
    >>> include "/a" "/b"
    t.conf:1: unexpected "/b"
        include "/a" "/b"
                     ^~~~
        expected end of line
    >>> include "etc/x"
    t.conf:1: cannot read etc/x: No such file or directory
        include "etc/x"
                ^~~~~~~
    >>> include ""
    t.conf:1: a file's path is empty
        include ""
                ^~
    >>> a = $b
    t.conf:1: macro "b" is not defined
        a = $b
            ^~
    >>> a =
    t.conf:1: unexpected end of line
        a =
           ^
        expected a macro's value
    >>> a => "x"
    t.conf:1: unexpected "=>"
        a => "x"
          ^~
        expected "="
    >>> @
    t.conf:1: unexpected "@"
        @
        ^
        expected a directive
    >>> ( match )
    t.conf:1: unexpected "("
        ( match )
        ^
        expected a directive
    >>> ! match
    t.conf:1: unexpected "!"
        ! match
        ^
        expected a directive
    >>> é
    t.conf:1: unexpected byte 195
        é
        ^
        expected a directive
    >>> include ~/smtpd.conf
    t.conf:1: what begins with "~" has to be quoted
        include ~/smtpd.conf
                ^
        expected a file's path
    """#
  )
}

// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Rules, macros, files and tokens.
  static let rules = list(
    #"""
    >>> match action none
    t.conf:1: action "none" is not declared above
        match action none
                     ^~~~
    >>> match for any
    t.conf:1: unexpected end of line
        match for any
                     ^
        expected from, for, auth, helo, mail-from, rcpt-to, tag, tls, action or reject
    >>> match from any from local reject
    t.conf:1: "from" is given twice
        match from any from local reject
                       ^~~~
    >>> match from auth auth reject
    t.conf:1: "auth" is given twice
        match from auth auth reject
                        ^~~~
    >>> match form any reject
    t.conf:1: unexpected "form"
        match form any reject
              ^~~~
        expected from, for, auth, helo, mail-from, rcpt-to, tag, tls, action or reject; did you mean "from"?
    >>> match from anny reject
    t.conf:1: unexpected "anny"
        match from anny reject
                   ^~~~
        expected any, local, socket, src, rdns, auth or mail-from; did you mean "any"?
    >>> match from src "1.2.3" reject
    t.conf:1: "1.2.3" is no address and no network
        match from src "1.2.3" reject
                       ^~~~~~~
        expected an IPv4 or IPv6 address, perhaps with /PREFIX, or local
    >>> match from src regex "(" reject
    t.conf:1: "(" is no regular expression: a parenthesis without its other half
        match from src regex "(" reject
                             ^~~
        expected a POSIX extended regular expression
    >>> match from src <nets> reject
    t.conf:1: table "nets" is not declared above
        match from src <nets> reject
                        ^~~~
    >>> match ! reject
    t.conf:1: unexpected "reject"
        match ! reject
                ^~~~~~
        expected from, for, auth, helo, mail-from, rcpt-to, tag or tls
    >>> match !action x
    t.conf:1: unexpected "action"
        match !action x
               ^~~~~~
        expected from, for, auth, helo, mail-from, rcpt-to, tag or tls
    >>> match tag 10 reject
    t.conf:1: "10" has to be quoted here
        match tag 10 reject
                  ^~
        expected a table
    >>> match any reject
    t.conf:1: unexpected "any"
        match any reject
              ^~~
        expected from, for, auth, helo, mail-from, rcpt-to, tag, tls, action or reject
    >>> include "/missing"
    t.conf:1: cannot read /missing: No such file or directory
        include "/missing"
                ^~~~~~~~~~
    >>> include
    t.conf:1: unexpected end of line
        include
               ^
        expected a file's path
    >>> port = "x"
    t.conf:1: "port" is a reserved word and cannot name a macro
        port = "x"
        ^~~~
    >>> a = 10
    t.conf:1: "10" has to be quoted here
        a = 10
            ^~
        expected a macro's value
    >>> a = "x" y
    t.conf:1: unexpected "y"
        a = "x" y
                ^
        expected end of line
    >>> my-macro = x
    t.conf:1: unexpected "my-macro"
        my-macro = x
        ^~~~~~~~
        expected a macro's name: letters, digits and _
    >>> match tag $undefined reject
    t.conf:1: macro "undefined" is not defined
        match tag $undefined reject
                  ^~~~~~~~~~
    >>> grete = x\nmatch tag $greet reject
    t.conf:2: macro "greet" is not defined
        match tag $greet reject
                  ^~~~~~
        did you mean "grete"?
    >>> match tag "open reject
    t.conf:1: string without its closing quote
        match tag "open reject
                  ^
    >>> x\r
    t.conf:1: carriage return: lines have to end with a line feed alone
        x\^M
         ^~~
    >>> $
    t.conf:1: "$" without the name of a macro
        $
        ^
    >>> }
    t.conf:1: unexpected "}"
        }
        ^
        expected a directive
    >>> = x
    t.conf:1: unexpected "="
        = x
        ^
        expected a directive
    >>> "quoted"
    t.conf:1: unexpected "quoted"
        "quoted"
        ^~~~~~~~
        expected a directive
    >>> 10
    t.conf:1: unexpected "10"
        10
        ^~
        expected a directive
    """#
  )
}

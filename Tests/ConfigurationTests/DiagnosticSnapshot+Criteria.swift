// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Criteria of rules.
  static let criteria = list(
    #"""
    >>> table t { a = b }\nmatch from any for domain <t> reject
    t.conf:2: table "t" has values
        match from any for domain <t> reject
                                   ^
        expected a list: { entry, entry }
    >>> match from any for domain <getpwnam> reject
    t.conf:1: table "<getpwnam>" cannot be used here
        match from any for domain <getpwnam> reject
                                   ^~~~~~~~
        it has the accounts of this machine, which only userbase asks
    >>> match
    t.conf:1: unexpected end of line
        match
             ^
        expected from, for, auth, helo, mail-from, rcpt-to, tag, tls, action or reject
    >>> match reject now
    t.conf:1: unexpected "now"
        match reject now
                     ^~~
        expected end of line
    >>> match from
    t.conf:1: unexpected end of line
        match from
                  ^
        expected any, local, socket, src, rdns, auth or mail-from
    >>> match for
    t.conf:1: unexpected end of line
        match for
                 ^
        expected any, local, domain or rcpt-to
    >>> match from any for any action
    t.conf:1: unexpected end of line
        match from any for any action
                                     ^
        expected an action's name
    >>> match from any for any action action
    t.conf:1: "action" has to be quoted here
        match from any for any action action
                                      ^~~~~~
        expected an action's name
    >>> match from src
    t.conf:1: unexpected end of line
        match from src
                      ^
        expected regex, <table>, "{" or a string
    >>> match from src { 10.0.0.0/40 } reject
    t.conf:1: "10.0.0.0/40" is no address and no network
        match from src { 10.0.0.0/40 } reject
                         ^~~~~~~~~~~
        expected an IPv4 or IPv6 address, perhaps with /PREFIX, or local
    >>> match from src { a = b } reject
    t.conf:1: this table has values
        match from src { a = b } reject
                       ^
        expected a list: { entry, entry }
    >>> match from rdns regex reject
    t.conf:1: "reject" has to be quoted here
        match from rdns regex reject
                              ^~~~~~
        expected a table
    >>> match from auth { a = b } reject
    t.conf:1: this table has values
        match from auth { a = b } reject
                        ^
        expected a list: { entry, entry }
    >>> match from mail-from reject
    t.conf:1: "reject" has to be quoted here
        match from mail-from reject
                             ^~~~~~
        expected a table
    >>> match for domain reject
    t.conf:1: "reject" has to be quoted here
        match for domain reject
                         ^~~~~~
        expected a table
    >>> match for rcpt-to
    t.conf:1: unexpected end of line
        match for rcpt-to
                         ^
        expected regex, <table>, "{" or a string
    >>> match for any for local reject
    t.conf:1: "for" is given twice
        match for any for local reject
                      ^~~
    >>> match for any from any for any reject
    t.conf:1: "for" is given twice
        match for any from any for any reject
                               ^~~
    >>> match from auth from any reject
    t.conf:1: "from" is given twice
        match from auth from any reject
                        ^~~~
    >>> match from mail-from "a@b" mail-from "c@d" reject
    t.conf:1: "mail-from" is given twice
        match from mail-from "a@b" mail-from "c@d" reject
                                   ^~~~~~~~~
    >>> match tls tls reject
    t.conf:1: "tls" is given twice
        match tls tls reject
                  ^~~
    >>> match ! ! tls reject
    t.conf:1: unexpected "!"
        match ! ! tls reject
                ^
        expected from, for, auth, helo, mail-from, rcpt-to, tag or tls
    >>> match helo regex "a[" reject
    t.conf:1: "a[" is no regular expression: "[" without its "]"
        match helo regex "a[" reject
                         ^~~~
        expected a POSIX extended regular expression
    >>> match tagged x reject
    t.conf:1: unexpected "tagged"
        match tagged x reject
              ^~~~~~
        expected from, for, auth, helo, mail-from, rcpt-to, tag, tls, action or reject
    >>> match for domain regex { "a", "b{2,1}" } reject
    t.conf:1: "b{2,1}" is no regular expression: "{" that does not go on as n}, n,}, ,m} or n,m} with n up to m
        match for domain regex { "a", "b{2,1}" } reject
                                      ^~~~~~~~
        expected a POSIX extended regular expression
    >>> match from local for any action "x" reject
    t.conf:1: action "x" is not declared above
        match from local for any action "x" reject
                                        ^~~
    >>> match tag $a$b reject
    t.conf:1: macro "a" is not defined
        match tag $a$b reject
                  ^~
    >>> match tag 'open reject
    t.conf:1: string without its closing quote
        match tag 'open reject
                  ^
    >>> match for any reject }
    t.conf:1: unexpected "}"
        match for any reject }
                             ^
        expected end of line
    >>> match from rdns { a = b } reject
    t.conf:1: this table has values
        match from rdns { a = b } reject
                        ^
        expected a list: { entry, entry }
    >>> match from local for local tag { a = b } reject
    t.conf:1: this table has values
        match from local for local tag { a = b } reject
                                       ^
        expected a list: { entry, entry }
    >>> match auth regex "*" reject
    t.conf:1: "*" is no regular expression: nothing before "*" that it could repeat
        match auth regex "*" reject
                         ^~~
        expected a POSIX extended regular expression
    >>> match from any for any action "a" action "b"
    t.conf:1: action "a" is not declared above
        match from any for any action "a" action "b"
                                      ^~~
    >>> a = "x"\nmatch for any action $
    t.conf:2: "$" without the name of a macro
        match for any action $
                             ^
    >>> match tag regex "[[.ab.]]" reject
    t.conf:1: "[[.ab.]]" is no regular expression: "ab" is not one character, and no other collating element is known
        match tag regex "[[.ab.]]" reject
                        ^~~~~~~~~~
        expected a POSIX extended regular expression
    """#
  )
}

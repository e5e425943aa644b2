// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Tables and actions.
  static let declarations = list(
    #"""
    >>> table t { 10 }
    t.conf:1: "10" has to be quoted here
        table t { 10 }
                  ^~
        expected an entry or "}"
    >>> table t { a = b, c }
    t.conf:1: unexpected "}"
        table t { a = b, c }
                           ^
        expected "="
    >>> table t { a, b = c }
    t.conf:1: unexpected "="
        table t { a, b = c }
                       ^
        expected ","
    >>> table t { a b }
    t.conf:1: unexpected "b"
        table t { a b }
                    ^
        expected "," or "}"
    >>> table t { a\nlisten on lo prot 25
    t.conf:2: "listen" has to be quoted here
        listen on lo prot 25
        ^~~~~~
        expected an entry or "}"
    >>> table t etc
    t.conf:1: "etc" is no absolute path
        table t etc
                ^~~
        expected a path that begins with "/", perhaps behind TYPE:
    >>> table t file:etc/x
    t.conf:1: "etc/x" is no absolute path
        table t file:etc/x
                ^~~~~~~~~~
        expected a path that begins with "/", perhaps behind TYPE:
    >>> table t "/missing"
    t.conf:1: cannot read /missing: No such file or directory
        table t "/missing"
                ^~~~~~~~~~
    >>> table t "/bad"
    t.conf:1: /bad:2: "c" has no value
        table t "/bad"
                ^~~~~~
    >>> table t { a }\ntable t { b }
    t.conf:2: table "t" is declared twice
        table t { b }
              ^
    >>> action a maildir alias <aliases>
    t.conf:1: table "aliases" is not declared above
        action a maildir alias <aliases>
                                ^~~~~~~
    >>> action a maildir "%{nobody}"
    t.conf:1: "%{nobody}": unknown token "nobody"
        action a maildir "%{nobody}"
                         ^~~~~~~~~~~
        expected sender, sender.user, sender.domain, rcpt, rcpt.user, rcpt.domain, dest, dest.user, dest.domain, user.username, user.directory or mbox.from; in a wrapper mda
    >>> action a maildir "%{sender"
    t.conf:1: "%{sender": "%{" without "}"
        action a maildir "%{sender"
                         ^~~~~~~~~~
    >>> action a mda
    t.conf:1: unexpected end of line
        action a mda
                    ^
        expected a command
    >>> action a mda "%{mda} x"
    t.conf:1: "%{mda} x": mda has no value here
        action a mda "%{mda} x"
                     ^~~~~~~~~~
    >>> action a mda x user "a/b"
    t.conf:1: "a/b" is no user name
        action a mda x user "a/b"
                            ^~~~~
        expected a name without spaces, "/", ":" and ","
    >>> action a mda x user joe user jim
    t.conf:1: user is given twice
        action a mda x user joe user jim
                                ^~~~
    >>> action a relay host "http://x"
    t.conf:1: "http://x": unknown protocol "http"
        action a relay host "http://x"
                            ^~~~~~~~~~
        expected smtp, smtp+tls, smtp+notls, smtps or lmtp; did you mean "smtp"?
    >>> action a relay host x backup
    t.conf:1: host cannot be combined with backup
        action a relay host x backup
                              ^~~~~~
    >>> action a relay helo a helo-src <t>
    t.conf:1: helo cannot be combined with helo-src
        action a relay helo a helo-src <t>
                              ^~~~~~~~
    >>> action a relay mail-from "a b@c"
    t.conf:1: "a b@c" is no mail address
        action a relay mail-from "a b@c"
                                 ^~~~~~~
        expected user@domain, @domain or user
    >>> action a relay src "1.2.3"
    t.conf:1: "1.2.3" is no address
        action a relay src "1.2.3"
                           ^~~~~~~
        expected an IPv4 or IPv6 address
    >>> action a relay src "1.2.3.0/24"
    t.conf:1: "1.2.3.0/24" is no address
        action a relay src "1.2.3.0/24"
                           ^~~~~~~~~~~~
        expected an IPv4 or IPv6 address
    >>> action a relay ttl 0s
    t.conf:1: "0s" is no duration
        action a relay ttl 0s
                           ^~
        expected a positive whole number followed by s, m, h or d
    >>> action a relay\naction a relay
    t.conf:2: action "a" is declared twice
        action a relay
               ^
    >>> action "out" relay\nmatch for any action "uot"
    t.conf:2: action "uot" is not declared above
        match for any action "uot"
                             ^~~~~
        did you mean "out"?
    >>> table nets { a = b }\nmatch from src <nets> reject
    t.conf:2: table "nets" has values
        match from src <nets> reject
                        ^~~~
        expected a list: { entry, entry }
    >>> table nets { a }\nmatch from src <netz> reject
    t.conf:2: table "netz" is not declared above
        match from src <netz> reject
                        ^~~~
        did you mean "nets"?
    """#
  )
}

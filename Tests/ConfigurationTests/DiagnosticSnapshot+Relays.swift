// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Relaying.
  static let relays = list(
    #"""
    >>> action a relay hots "x"
    t.conf:1: unexpected "hots"
        action a relay hots "x"
                       ^~~~
        expected host, domain, backup, helo, helo-src, src, mail-from, tls, pki, ca, ciphers, protocols, auth, filter, srs or ttl; did you mean "host"?
    >>> action a relay host
    t.conf:1: unexpected end of line
        action a relay host
                           ^
        expected <table>, "{" or a string
    >>> action a relay host {}
    t.conf:1: host is empty
        action a relay host {}
                            ^
    >>> action a relay host { "smtp://a" = "b" }
    t.conf:1: this table has values
        action a relay host { "smtp://a" = "b" }
                            ^
        expected a list: { entry, entry }
    >>> action a relay host "smtp://l@x"
    t.conf:1: "smtp://l@x": a label needs smtp+tls:// or smtps://
        action a relay host "smtp://l@x"
                            ^~~~~~~~~~~~
    >>> action a relay host "smtps://@x"
    t.conf:1: "smtps://@x": nothing before "@"
        action a relay host "smtps://@x"
                            ^~~~~~~~~~~~
    >>> action a relay host "smtps://l@x"
    t.conf:1: a label needs auth
        action a relay host "smtps://l@x"
                       ^~~~
    >>> action a relay host "lmtp://x"
    t.conf:1: "lmtp://x": lmtp:// needs a port
        action a relay host "lmtp://x"
                            ^~~~~~~~~~
    >>> action a relay host "smtp://x:99999"
    t.conf:1: "smtp://x:99999": "99999" is no port
        action a relay host "smtp://x:99999"
                            ^~~~~~~~~~~~~~~~
    >>> action a relay host "smtp://-x"
    t.conf:1: "smtp://-x": "-x" is no host
        action a relay host "smtp://-x"
                            ^~~~~~~~~~~
    >>> action a relay host "smtps://a" auth { l = "u:p" }
    t.conf:1: auth needs a label in a relay's URL
        action a relay host "smtps://a" auth { l = "u:p" }
                                        ^~~~
    >>> action a relay auth { l = "u:p" }
    t.conf:1: auth needs host or domain
        action a relay auth { l = "u:p" }
                       ^~~~
    >>> action a relay domain "x"
    t.conf:1: this table has no values
        action a relay domain "x"
                              ^~~
        expected keys with values: { key = value }
    >>> action a relay domain { "x" = "http://y" }
    t.conf:1: "http://y": unknown protocol "http"
        action a relay domain { "x" = "http://y" }
                                      ^~~~~~~~~~
        expected smtp, smtp+tls, smtp+notls, smtps or lmtp; did you mean "smtp"?
    >>> action a relay domain { "-x" = "smtp://y" }
    t.conf:1: "-x" is no host name
        action a relay domain { "-x" = "smtp://y" }
                                ^~~~
        expected letters, digits, hyphens and dots
    >>> action a relay domain { "x" = "smtp://y" } host "z"
    t.conf:1: host cannot be combined with domain
        action a relay domain { "x" = "smtp://y" } host "z"
                                                   ^~~~
    >>> action a relay backup mx "-x"
    t.conf:1: "-x" is no host name
        action a relay backup mx "-x"
                                 ^~~~
        expected letters, digits, hyphens and dots
    >>> action a relay backup domain { x = y }
    t.conf:1: domain cannot be combined with backup
        action a relay backup domain { x = y }
                              ^~~~~~
    >>> action a relay helo "a b"
    t.conf:1: "a b" is no host name
        action a relay helo "a b"
                            ^~~~~
        expected letters, digits, hyphens and dots
    >>> action a relay helo a.example helo b.example
    t.conf:1: helo is given twice
        action a relay helo a.example helo b.example
                                      ^~~~
    >>> action a relay helo a.example helo-src { "192.0.2.1" = "b.example" }
    t.conf:1: helo cannot be combined with helo-src
        action a relay helo a.example helo-src { "192.0.2.1" = "b.example" }
                                      ^~~~~~~~
    >>> action a relay helo-src { "192.0.2.0/24" = "b.example" }
    t.conf:1: "192.0.2.0/24" is no address
        action a relay helo-src { "192.0.2.0/24" = "b.example" }
                                  ^~~~~~~~~~~~~~
        expected an IPv4 or IPv6 address
    >>> action a relay helo-src { "192.0.2.1" = "-b" }
    t.conf:1: "-b" is no host name
        action a relay helo-src { "192.0.2.1" = "-b" }
                                                ^~~~
        expected letters, digits, hyphens and dots
    >>> action a relay src "mail.example.org"
    t.conf:1: "mail.example.org" is no address
        action a relay src "mail.example.org"
                           ^~~~~~~~~~~~~~~~~~
        expected an IPv4 or IPv6 address
    >>> action a relay src
    t.conf:1: unexpected end of line
        action a relay src
                          ^
        expected <table>, "{" or a string
    >>> action a relay mail-from "@"
    t.conf:1: "@" is no mail address
        action a relay mail-from "@"
                                 ^~~
        expected user@domain, @domain or user
    >>> action a relay mail-from ""
    t.conf:1: "" is no mail address
        action a relay mail-from ""
                                 ^~
        expected user@domain, @domain or user
    >>> action a relay tls verify
    t.conf:1: unexpected "verify"
        action a relay tls verify
                           ^~~~~~
        expected no-verify, host, domain, backup, helo, helo-src, src, mail-from, tls, pki, ca, ciphers, protocols, auth, filter, srs or ttl
    >>> action a relay pki x
    t.conf:1: pki "x" is not declared
        action a relay pki x
                           ^
    >>> action a relay ca x
    t.conf:1: ca "x" is not declared
        action a relay ca x
                          ^
    >>> action a relay ciphers ""
    t.conf:1: a list of ciphers is empty
        action a relay ciphers ""
                               ^~
    >>> action a relay srs
    t.conf:1: srs needs "srs key"
        action a relay srs
                       ^~~
    >>> action a relay filter { a }
    t.conf:1: filter "a" is not declared
        action a relay filter { a }
                                ^
    >>> action a relay user joe
    t.conf:1: unexpected "user"
        action a relay user joe
                       ^~~~
        expected host, domain, backup, helo, helo-src, src, mail-from, tls, pki, ca, ciphers, protocols, auth, filter, srs or ttl
    >>> action a relay alias { a = b }
    t.conf:1: unexpected "alias"
        action a relay alias { a = b }
                       ^~~~~
        expected host, domain, backup, helo, helo-src, src, mail-from, tls, pki, ca, ciphers, protocols, auth, filter, srs or ttl
    >>> action a relay tls no-verify no-verify
    t.conf:1: unexpected "no-verify"
        action a relay tls no-verify no-verify
                                     ^~~~~~~~~
        expected host, domain, backup, helo, helo-src, src, mail-from, tls, pki, ca, ciphers, protocols, auth, filter, srs or ttl
    >>> action a relay domain <getpwnam>
    t.conf:1: table "<getpwnam>" cannot be used here
        action a relay domain <getpwnam>
                               ^~~~~~~~
        it has the accounts of this machine, which only userbase asks
    >>> action a relay ttl 5x
    t.conf:1: "5x" is no duration
        action a relay ttl 5x
                           ^~
        expected a positive whole number followed by s, m, h or d
    >>> action a relay backup mx
    t.conf:1: unexpected end of line
        action a relay backup mx
                                ^
        expected a host name
    >>> action a relay host "smpt://x"
    t.conf:1: "smpt://x": unknown protocol "smpt"
        action a relay host "smpt://x"
                            ^~~~~~~~~~
        expected smtp, smtp+tls, smtp+notls, smtps or lmtp; did you mean "smtp"?
    """#
  )
}

// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// More of listeners.
  static let listeners = list(
    #"""
    >>> listen
    t.conf:1: unexpected end of line
        listen
              ^
        expected "on"
    >>> listen on
    t.conf:1: unexpected end of line
        listen on
                 ^
        expected an interface, an address, a host name or "socket"
    >>> listen on 10
    t.conf:1: "10" has to be quoted here
        listen on 10
                  ^~
        expected an interface, an address, a host name or "socket"
    >>> listen on lo port
    t.conf:1: unexpected end of line
        listen on lo port
                         ^
        expected smtp, smtps or a port's number or name
    >>> listen on lo port smtq
    t.conf:1: unknown service "smtq"
        listen on lo port smtq
                          ^~~~
        expected a number from 1 to 65535, or the name of a service; did you mean "smtp"?
    >>> listen on lo tls tls pki x
    t.conf:1: tls is given twice
        listen on lo tls tls pki x
                         ^~~
    >>> listen on lo tls
    t.conf:1: tls needs pki
        listen on lo tls
                     ^~~
    >>> listen on lo tls-require
    t.conf:1: tls-require needs pki
        listen on lo tls-require
                     ^~~~~~~~~~~
    >>> listen on lo smtps verify
    t.conf:1: smtps needs pki
        listen on lo smtps verify
                     ^~~~~
    >>> listen on lo pki
    t.conf:1: unexpected end of line
        listen on lo pki
                        ^
        expected the name of a pki
    >>> listen on lo auth
    t.conf:1: auth needs tls, tls-require or smtps
        listen on lo auth
                     ^~~~
    >>> listen on lo auth-optional
    t.conf:1: auth-optional needs tls, tls-require or smtps
        listen on lo auth-optional
                     ^~~~~~~~~~~~~
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo pki x
    t.conf:3: pki needs tls, tls-require or smtps
        listen on lo pki x
                     ^~~
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo tls pki x pki "X"
    t.conf:3: pki "x" is given twice
        listen on lo tls pki x pki "X"
                               ^~~
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo tls smtps pki x
    t.conf:3: tls cannot be combined with smtps
        listen on lo tls smtps pki x
                         ^~~~~
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo tls-require tls pki x
    t.conf:3: tls cannot be combined with tls-require
        listen on lo tls-require tls pki x
                                 ^~~
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo tls verify pki x
    t.conf:3: verify needs tls-require or smtps
        listen on lo tls verify pki x
                         ^~~~~~
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo tls pki x auth auth-optional
    t.conf:3: auth cannot be combined with auth-optional
        listen on lo tls pki x auth auth-optional
                                    ^~~~~~~~~~~~~
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo tls pki x ca other
    t.conf:3: ca "other" is not declared
        listen on lo tls pki x ca other
                                  ^~~~~
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo tls pki x ciphers ""
    t.conf:3: a list of ciphers is empty
        listen on lo tls pki x ciphers ""
                                       ^~
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo tls pki x protocols
    t.conf:3: unexpected end of line
        listen on lo tls pki x protocols
                                        ^
        expected a list of protocols
    >>> pki x cert "/c"\npki x key "/k"\nlisten on lo tls pki x auth <users>
    t.conf:3: table "users" is not declared above
        listen on lo tls pki x auth <users>
                                     ^~~~~
    >>> pki mail.example.org cert "/c"\npki mail.example.org key "/k"\nlisten on lo tls pki mail.exampel.org
    t.conf:3: pki "mail.exampel.org" is not declared
        listen on lo tls pki mail.exampel.org
                             ^~~~~~~~~~~~~~~~
        did you mean "mail.example.org"?
    >>> listen on lo hostnames "mx.example.org"
    t.conf:1: this table has no values
        listen on lo hostnames "mx.example.org"
                               ^~~~~~~~~~~~~~~~
        expected keys with values: { key = value }
    >>> listen on lo hostnames { "mx" = "mx.example.org" }
    t.conf:1: "mx" is no address
        listen on lo hostnames { "mx" = "mx.example.org" }
                                 ^~~~
        expected an IPv4 or IPv6 address
    >>> listen on lo hostnames { "192.0.2.1" = "a b" }
    t.conf:1: "a b" is no host name
        listen on lo hostnames { "192.0.2.1" = "a b" }
                                               ^~~~~
        expected letters, digits, hyphens and dots
    >>> listen on lo senders { "a", "b" }
    t.conf:1: this table has no values
        listen on lo senders { "a", "b" }
                             ^
        expected keys with values: { key = value }
    >>> listen on lo proxy-v1
    t.conf:1: unexpected "proxy-v1"
        listen on lo proxy-v1
                     ^~~~~~~~
        expected inet4, inet6, port, tls, tls-require, smtps, pki, ca, ciphers, protocols, auth, auth-optional, senders, hostname, hostnames, received-auth, proxy-v2, filter, tag, mask-src or no-dsn; did you mean "proxy-v2"?
    >>> listen on lo proxy-v2 proxy-v2
    t.conf:1: proxy-v2 is given twice
        listen on lo proxy-v2 proxy-v2
                              ^~~~~~~~
    >>> listen on lo hostname
    t.conf:1: unexpected end of line
        listen on lo hostname
                             ^
        expected a host name
    >>> listen on lo hostname 10
    t.conf:1: "10" has to be quoted here
        listen on lo hostname 10
                              ^~
        expected a host name
    >>> listen on lo tag "a\tb"
    t.conf:1: tag has characters that cannot be printed
        listen on lo tag "a	b"
                         ^~~~~
    >>> listen on lo filter "absent"
    t.conf:1: filter "absent" is not declared
        listen on lo filter "absent"
                            ^~~~~~~~
    >>> listen on lo filter
    t.conf:1: unexpected end of line
        listen on lo filter
                           ^
        expected a filter's name or "{"
    >>> listen on lo mask-source
    t.conf:1: unexpected "mask-source"
        listen on lo mask-source
                     ^~~~~~~~~~~
        expected inet4, inet6, port, tls, tls-require, smtps, pki, ca, ciphers, protocols, auth, auth-optional, senders, hostname, hostnames, received-auth, proxy-v2, filter, tag, mask-src or no-dsn; did you mean "mask-src"?
    >>> listen on socket tls
    t.conf:1: unexpected "tls"
        listen on socket tls
                         ^~~
        expected filter, tag, mask-src or no-dsn
    >>> listen on socket proxy-v2
    t.conf:1: unexpected "proxy-v2"
        listen on socket proxy-v2
                         ^~~~~~~~
        expected filter, tag, mask-src or no-dsn
    >>> listen on "[::1" port 25
    t.conf:1: "[::1" is no host name
        listen on "[::1" port 25
                  ^~~~~~
        expected letters, digits, hyphens and dots
    >>> listen on ::1 inet4
    t.conf:1: "::1" cannot be combined with inet4
        listen on ::1 inet4
                  ^~~
    >>> listen on lo port 99999999999999999999
    t.conf:1: number out of range
        listen on lo port 99999999999999999999
                          ^~~~~~~~~~~~~~~~~~~~
        expected a number of at most 64 bits
    >>> listen on lo, eth0
    t.conf:1: unexpected ","
        listen on lo, eth0
                    ^
        expected inet4, inet6, port, tls, tls-require, smtps, pki, ca, ciphers, protocols, auth, auth-optional, senders, hostname, hostnames, received-auth, proxy-v2, filter, tag, mask-src or no-dsn
    >>> listen on lo;
    t.conf:1: "lo;" is no host name
        listen on lo;
                  ^~~
        expected letters, digits, hyphens and dots
    >>> listen on lo port "smtqs"
    t.conf:1: unknown service "smtqs"
        listen on lo port "smtqs"
                          ^~~~~~~
        expected a number from 1 to 65535, or the name of a service; did you mean "smtps"?
    >>> listen on lo tls-require pki
    t.conf:1: unexpected end of line
        listen on lo tls-require pki
                                    ^
        expected the name of a pki
    >>> listen on lo hostnames <addresses>
    t.conf:1: table "addresses" is not declared above
        listen on lo hostnames <addresses>
                                ^~~~~~~~~
    >>> listen on lo port 25 port 26
    t.conf:1: port is given twice
        listen on lo port 25 port 26
                             ^~~~
    >>> listen on "" port 25
    t.conf:1: "" is no host name
        listen on "" port 25
                  ^~
        expected letters, digits, hyphens and dots
    >>> listen on localhots.example. port 25
    t.conf:1: "localhots.example." is no host name
        listen on localhots.example. port 25
                  ^~~~~~~~~~~~~~~~~~
        expected letters, digits, hyphens and dots
    >>> listen on lo filter {}
    t.conf:1: chain is empty
        listen on lo filter {}
                            ^
    """#
  )
}

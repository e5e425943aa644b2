// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Limits, and settings of the queue and the resolver.
  static let limits = list(
    #"""
    >>> bounce
    t.conf:1: unexpected end of line
        bounce
              ^
        expected "warn-interval"
    >>> bounce warn-intervall 4h
    t.conf:1: unexpected "warn-intervall"
        bounce warn-intervall 4h
               ^~~~~~~~~~~~~~
        expected "warn-interval"; did you mean "warn-interval"?
    >>> bounce warn-interval 0h
    t.conf:1: "0h" is no duration
        bounce warn-interval 0h
                             ^~
        expected a positive whole number followed by s, m, h or d
    >>> bounce warn-interval 4h, , 5h
    t.conf:1: unexpected ","
        bounce warn-interval 4h, , 5h
                                 ^
        expected a duration
    >>> mda
    t.conf:1: unexpected end of line
        mda
           ^
        expected limit or wrapper
    >>> mda limit
    t.conf:1: unexpected end of line
        mda limit
                 ^
        expected max-session, max-session-per-user, task-lowat, task-hiwat, task-release or timeout
    >>> mda limit max-session 0
    t.conf:1: max-session cannot be 0
        mda limit max-session 0
                              ^
        expected a number from 1 to 1000000
    >>> mda limit task-lowat 60
    t.conf:1: task-lowat is above task-hiwat
        mda limit task-lowat 60
                  ^~~~~~~~~~
    >>> mda wrapper w
    t.conf:1: unexpected end of line
        mda wrapper w
                     ^
        expected a command
    >>> mda wrapper w "x"\nmda wrapper w "y"
    t.conf:2: wrapper "w" is declared twice
        mda wrapper w "y"
                    ^
    >>> mda wrapper w "%{mdb}"
    t.conf:1: "%{mdb}": unknown token "mdb"
        mda wrapper w "%{mdb}"
                      ^~~~~~~~
        did you mean "mda"?
    >>> mda wrapper "" "x"
    t.conf:1: a wrapper's name is empty
        mda wrapper "" "x"
                    ^~
    >>> mta
    t.conf:1: unexpected end of line
        mta
           ^
        expected limit or max-deferred
    >>> mta limit
    t.conf:1: unexpected end of line
        mta limit
                 ^
        expected for, inet4, inet6, max-conn-per-host, max-conn-per-route, max-conn-per-source, max-conn-per-connector, max-conn-per-relay, max-conn-per-domain, conn-delay-host, conn-delay-route, conn-delay-source, conn-delay-connector, conn-delay-relay, conn-delay-domain, reconn-delay-route, session-mail-max, session-transaction-delay, session-keepalive, max-failures-per-session, task-hiwat, task-lowat or task-release
    >>> mta limit inet5
    t.conf:1: unexpected "inet5"
        mta limit inet5
                  ^~~~~
        expected for, inet4, inet6, max-conn-per-host, max-conn-per-route, max-conn-per-source, max-conn-per-connector, max-conn-per-relay, max-conn-per-domain, conn-delay-host, conn-delay-route, conn-delay-source, conn-delay-connector, conn-delay-relay, conn-delay-domain, reconn-delay-route, session-mail-max, session-transaction-delay, session-keepalive, max-failures-per-session, task-hiwat, task-lowat or task-release; did you mean "inet4"?
    >>> mta limit max-conn-per-host
    t.conf:1: unexpected end of line
        mta limit max-conn-per-host
                                   ^
        expected a number for max-conn-per-host
    >>> mta limit max-conn-per-host 0
    t.conf:1: max-conn-per-host cannot be 0
        mta limit max-conn-per-host 0
                                    ^
        expected a number from 1 to 1000000
    >>> mta limit for "example.org" inet4
    t.conf:1: unexpected "example.org"
        mta limit for "example.org" inet4
                      ^~~~~~~~~~~~~
        expected "domain"
    >>> mta limit for domain
    t.conf:1: unexpected end of line
        mta limit for domain
                            ^
        expected a domain
    >>> mta max-deferred -1
    t.conf:1: max-deferred cannot be -1
        mta max-deferred -1
                         ^~
        expected a number from 0 to 1000000
    >>> mta max-deferred 5 6
    t.conf:1: unexpected "6"
        mta max-deferred 5 6
                           ^
        expected end of line
    >>> queue
    t.conf:1: unexpected end of line
        queue
             ^
        expected ttl, backend, compression or encryption
    >>> queue bakend fs
    t.conf:1: unexpected "bakend"
        queue bakend fs
              ^~~~~~
        expected ttl, backend, compression or encryption; did you mean "backend"?
    >>> queue ttl 0s
    t.conf:1: "0s" is no duration
        queue ttl 0s
                  ^~
        expected a positive whole number followed by s, m, h or d
    >>> queue ttl 1d 2d
    t.conf:1: unexpected "2d"
        queue ttl 1d 2d
                     ^~
        expected end of line
    >>> queue compression gzip
    t.conf:1: unexpected "gzip"
        queue compression gzip
                          ^~~~
        expected end of line
    >>> queue encryption "short"
    t.conf:1: a key of 5 bytes
        queue encryption "short"
                         ^~~~~~~
        expected 32 bytes
    >>> queue encryption <key>
    t.conf:1: unexpected "<"
        queue encryption <key>
                         ^
        expected a key, "stdin" or "-"
    >>> scheduler
    t.conf:1: unexpected end of line
        scheduler
                 ^
        expected "limit"
    >>> scheduler limit max-inflite 3
    t.conf:1: unexpected "max-inflite"
        scheduler limit max-inflite 3
                        ^~~~~~~~~~~
        expected max-inflight, max-evp-batch-size, max-msg-batch-size or max-schedule; did you mean "max-inflight"?
    >>> scheduler limits max-inflight 3
    t.conf:1: unexpected "limits"
        scheduler limits max-inflight 3
                  ^~~~~~
        expected "limit"; did you mean "limit"?
    >>> scheduler limit max-schedule 99999999
    t.conf:1: max-schedule cannot be 99999999
        scheduler limit max-schedule 99999999
                                     ^~~~~~~~
        expected a number from 1 to 10000000
    >>> smtp
    t.conf:1: unexpected end of line
        smtp
            ^
        expected ciphers, limit, max-message-size or sub-addr-delim
    >>> smtp limit timeout
    t.conf:1: unexpected end of line
        smtp limit timeout
                          ^
        expected a duration
    >>> smtp limit timeout 5
    t.conf:1: "5" is no duration
        smtp limit timeout 5
                           ^
        expected a positive whole number followed by s, m, h or d
    >>> smtp limit max-line 999
    t.conf:1: max-line cannot be 999
        smtp limit max-line 999
                            ^~~
        expected a number from 1000 to 16777216
    >>> smtp limit max-line 5K
    t.conf:1: unexpected "5K"
        smtp limit max-line 5K
                            ^~
        expected a number for max-line
    >>> smtp cipher "HIGH"
    t.conf:1: unexpected "cipher"
        smtp cipher "HIGH"
             ^~~~~~
        expected ciphers, limit, max-message-size or sub-addr-delim; did you mean "ciphers"?
    >>> smtp ciphers
    t.conf:1: unexpected end of line
        smtp ciphers
                    ^
        expected a list of ciphers
    >>> smtp max-message-size
    t.conf:1: unexpected end of line
        smtp max-message-size
                             ^
        expected a size
    >>> smtp max-message-size -5
    t.conf:1: "-5" is no size
        smtp max-message-size -5
                              ^~
        expected a number of bytes, perhaps followed by K, M or G
    >>> smtp sub-addr-delim
    t.conf:1: unexpected end of line
        smtp sub-addr-delim
                           ^
        expected a character
    >>> smtp sub-addr-delim " "
    t.conf:1: " " cannot divide a user from a sub-address
        smtp sub-addr-delim " "
                            ^~~
        expected one printable character, neither a space nor "@"
    >>> srs
    t.conf:1: unexpected end of line
        srs
           ^
        expected key or ttl
    >>> srs key
    t.conf:1: unexpected end of line
        srs key
               ^
        expected backup or a secret
    >>> srs key ""
    t.conf:1: a secret is empty
        srs key ""
                ^~
    >>> srs key backup
    t.conf:1: unexpected end of line
        srs key backup
                      ^
        expected a secret
    >>> srs ttl 12h
    t.conf:1: "12h" is less than a day
        srs ttl 12h
                ^~~
        expected whole days
    >>> srs ttl 4
    t.conf:1: "4" is no duration
        srs ttl 4
                ^
        expected a positive whole number followed by s, m, h or d
    >>> resolver system 1.1.1.1
    t.conf:1: unexpected "1.1.1.1"
        resolver system 1.1.1.1
                        ^~~~~~~
        expected end of line
    >>> resolver recursive system
    t.conf:1: unexpected "system"
        resolver recursive system
                           ^~~~~~
        expected end of line
    >>> resolver systen
    t.conf:1: "systen" is no name server
        resolver systen
                 ^~~~~~
        expected system, recursive, or an address, perhaps with @PORT; did you mean "system"?
    >>> resolver ::1@x
    t.conf:1: "::1@x" is no name server
        resolver ::1@x
                 ^~~~~
        expected system, recursive, or an address, perhaps with @PORT
    >>> smtp max-message-size 1e6
    t.conf:1: "1e6" is no size
        smtp max-message-size 1e6
                              ^~~
        expected a number of bytes, perhaps followed by K, M or G
    >>> queue backend
    t.conf:1: unexpected end of line
        queue backend
                     ^
        expected fs, sqlite, lmdb or ram
    >>> queue backend btrfs
    t.conf:1: unexpected "btrfs"
        queue backend btrfs
                      ^~~~~
        expected fs, sqlite, lmdb or ram
    >>> resolver 1.1.1.1 resolver
    t.conf:1: "resolver" is no name server
        resolver 1.1.1.1 resolver
                         ^~~~~~~~
        expected system, recursive, or an address, perhaps with @PORT
    >>> mta limit for domain example.org
    t.conf:1: unexpected end of line
        mta limit for domain example.org
                                        ^
        expected inet4, inet6, max-conn-per-host, max-conn-per-route, max-conn-per-source, max-conn-per-connector, max-conn-per-relay, max-conn-per-domain, conn-delay-host, conn-delay-route, conn-delay-source, conn-delay-connector, conn-delay-relay, conn-delay-domain, reconn-delay-route, session-mail-max, session-transaction-delay, session-keepalive, max-failures-per-session, task-hiwat, task-lowat or task-release
    >>> mta limit max-conn-per-hots 5
    t.conf:1: unexpected "max-conn-per-hots"
        mta limit max-conn-per-hots 5
                  ^~~~~~~~~~~~~~~~~
        expected for, inet4, inet6, max-conn-per-host, max-conn-per-route, max-conn-per-source, max-conn-per-connector, max-conn-per-relay, max-conn-per-domain, conn-delay-host, conn-delay-route, conn-delay-source, conn-delay-connector, conn-delay-relay, conn-delay-domain, reconn-delay-route, session-mail-max, session-transaction-delay, session-keepalive, max-failures-per-session, task-hiwat, task-lowat or task-release; did you mean "max-conn-per-host"?
    >>> mta limit conn-delay-host -1
    t.conf:1: conn-delay-host cannot be -1
        mta limit conn-delay-host -1
                                  ^~
        expected a number from 0 to 1000000
    >>> mda limit task-lowat 20\nmda limit task-hiwat 10 max-session 3
    t.conf:2: task-lowat is above task-hiwat
        mda limit task-hiwat 10 max-session 3
                  ^~~~~~~~~~
    >>> mta limit task-lowat 20\nmta limit for domain x.example task-hiwat 10
    t.conf:2: task-lowat is above task-hiwat
        mta limit for domain x.example task-hiwat 10
                                       ^~~~~~~~~~
    >>> mta limit task-lowat 60\nmta limit for domain x.example inet4
    t.conf:1: task-lowat is above task-hiwat
        mta limit task-lowat 60
                  ^~~~~~~~~~
    >>> mta limit task-lowat 60\nmta limit for domain x.example inet4\nmta limit task-hiwat 100
    t.conf:1: task-lowat is above task-hiwat
        mta limit task-lowat 60
                  ^~~~~~~~~~
    >>> srs ttl
    t.conf:1: unexpected end of line
        srs ttl
               ^
        expected a duration
    >>> srs kye "x"
    t.conf:1: unexpected "kye"
        srs kye "x"
            ^~~
        expected key or ttl; did you mean "key"?
    >>> mda wrapper w ""
    t.conf:1: a command is empty
        mda wrapper w ""
                      ^~
    """#
  )
}

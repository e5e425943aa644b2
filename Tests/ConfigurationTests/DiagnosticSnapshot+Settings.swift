// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Listeners and settings.
  static let settings = list(
    #"""
    >>> lisen on lo
    t.conf:1: unexpected "lisen"
        lisen on lo
        ^~~~~
        expected a directive or name = "value"; did you mean "listen"?
    >>> listen lo
    t.conf:1: unexpected "lo"
        listen lo
               ^~
        expected "on"
    >>> listen on lo prot 25
    t.conf:1: unexpected "prot"
        listen on lo prot 25
                     ^~~~
        expected inet4, inet6, port, tls, tls-require, smtps, pki, ca, ciphers, protocols, auth, auth-optional, senders, hostname, hostnames, received-auth, proxy-v2, filter, tag, mask-src or no-dsn; did you mean "port"?
    >>> listen on lo port 0
    t.conf:1: port cannot be 0
        listen on lo port 0
                          ^
        expected a number from 1 to 65535
    >>> listen on lo port 65536
    t.conf:1: port cannot be 65536
        listen on lo port 65536
                          ^~~~~
        expected a number from 1 to 65535
    >>> listen on lo port frob
    t.conf:1: unknown service "frob"
        listen on lo port frob
                          ^~~~
        expected a number from 1 to 65535, or the name of a service
    >>> listen on lo tls pki x
    t.conf:1: pki "x" is not declared
        listen on lo tls pki x
                             ^
    >>> listen on lo inet4 inet6
    t.conf:1: inet4 cannot be combined with inet6
        listen on lo inet4 inet6
                           ^~~~~
    >>> listen on lo tag x tag y
    t.conf:1: tag is given twice
        listen on lo tag x tag y
                           ^~~
    >>> listen on 127.0.0.1 inet6
    t.conf:1: "127.0.0.1" cannot be combined with inet6
        listen on 127.0.0.1 inet6
                  ^~~~~~~~~
    >>> listen on eth0 inet6
    t.conf:1: interface eth0 has no such address
        listen on eth0 inet6
                  ^~~~
    >>> listen on "a b"
    t.conf:1: "a b" is no host name
        listen on "a b"
                  ^~~~~
        expected letters, digits, hyphens and dots
    >>> listen on lo tag "123456789012345678901234567890123"
    t.conf:1: tag is too long
        listen on lo tag "123456789012345678901234567890123"
                         ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
        expected at most 32 characters
    >>> listen on lo hostname "-x"
    t.conf:1: "-x" is no host name
        listen on lo hostname "-x"
                              ^~~~
        expected letters, digits, hyphens and dots
    >>> listen on socket port 25
    t.conf:1: unexpected "port"
        listen on socket port 25
                         ^~~~
        expected filter, tag, mask-src or no-dsn
    >>> listen on socket\nlisten on socket
    t.conf:2: "listen on socket" is given twice
        listen on socket
                  ^~~~~~
    >>> queue backend postgres
    t.conf:1: unexpected "postgres"
        queue backend postgres
                      ^~~~~~~~
        expected fs, sqlite, lmdb or ram
    >>> queue ttl 4
    t.conf:1: "4" is no duration
        queue ttl 4
                  ^
        expected a positive whole number followed by s, m, h or d
    >>> queue ttl 1h2m
    t.conf:1: "1h2m" is no duration
        queue ttl 1h2m
                  ^~~~
        expected a positive whole number followed by s, m, h or d
    >>> queue ttl
    t.conf:1: unexpected end of line
        queue ttl
                 ^
        expected a duration
    >>> bounce warn-interval 1h,
    t.conf:1: unexpected end of line
        bounce warn-interval 1h,
                                ^
        expected a duration
    >>> bounce warn-interval 1h 2h
    t.conf:1: unexpected "2h"
        bounce warn-interval 1h 2h
                                ^~
        expected "," or end of line
    >>> smtp max-message-size 35Q
    t.conf:1: "35Q" is no size
        smtp max-message-size 35Q
                              ^~~
        expected a number of bytes, perhaps followed by K, M or G
    >>> smtp max-message-size 0
    t.conf:1: "0" is no size
        smtp max-message-size 0
                              ^
        expected a number of bytes, perhaps followed by K, M or G
    >>> smtp sub-addr-delim "@"
    t.conf:1: "@" cannot divide a user from a sub-address
        smtp sub-addr-delim "@"
                            ^~~
        expected one printable character, neither a space nor "@"
    >>> smtp sub-addr-delim ab
    t.conf:1: "ab" cannot divide a user from a sub-address
        smtp sub-addr-delim ab
                            ^~
        expected one printable character, neither a space nor "@"
    >>> smtp limit max-mail 5
    t.conf:1: unexpected "max-mail"
        smtp limit max-mail 5
                   ^~~~~~~~
        expected max-mails, max-rcpt, max-errors, max-sessions, max-client-sessions, max-command-line, max-line or timeout; did you mean "max-mails"?
    >>> smtp limit max-mails -1
    t.conf:1: max-mails cannot be -1
        smtp limit max-mails -1
                             ^~
        expected a number from 1 to 1000000
    >>> smtp limit max-mails many
    t.conf:1: unexpected "many"
        smtp limit max-mails many
                             ^~~~
        expected a number for max-mails
    >>> smtp limit max-command-line 1023
    t.conf:1: max-command-line cannot be 1023
        smtp limit max-command-line 1023
                                    ^~~~
        expected a number from 1024 to 65535
    >>> smtp limit
    t.conf:1: unexpected end of line
        smtp limit
                  ^
        expected max-mails, max-rcpt, max-errors, max-sessions, max-client-sessions, max-command-line, max-line or timeout
    >>> mta limit for domain "x y" inet4
    t.conf:1: "x y" is no host name
        mta limit for domain "x y" inet4
                             ^~~~~
        expected letters, digits, hyphens and dots
    >>> mta limit task-lowat 60
    t.conf:1: task-lowat is above task-hiwat
        mta limit task-lowat 60
                  ^~~~~~~~~~
    >>> mta max-defered 3
    t.conf:1: unexpected "max-defered"
        mta max-defered 3
            ^~~~~~~~~~~
        expected limit or max-deferred; did you mean "max-deferred"?
    >>> mda limit max-sessions 3
    t.conf:1: unexpected "max-sessions"
        mda limit max-sessions 3
                  ^~~~~~~~~~~~
        expected max-session, max-session-per-user, task-lowat, task-hiwat, task-release or timeout; did you mean "max-session"?
    >>> scheduler limit max-inflight 0
    t.conf:1: max-inflight cannot be 0
        scheduler limit max-inflight 0
                                     ^
        expected a number from 1 to 10000000
    >>> auth
    t.conf:1: unexpected end of line
        auth
            ^
        expected shadow or pam
    >>> auth pan
    t.conf:1: unexpected "pan"
        auth pan
             ^~~
        expected shadow or pam; did you mean "pam"?
    >>> auth shadow x
    t.conf:1: unexpected "x"
        auth shadow x
                    ^
        expected end of line
    >>> auth pam "SMTP"
    t.conf:1: "SMTP" is no PAM service
        auth pam "SMTP"
                 ^~~~~~
        expected lower-case letters, digits, "-", "_" and ".", or the absolute path of a file so named
    >>> auth pam "../x"
    t.conf:1: "../x" is no PAM service
        auth pam "../x"
                 ^~~~~~
        expected lower-case letters, digits, "-", "_" and ".", or the absolute path of a file so named
    >>> resolver 1.1.1
    t.conf:1: "1.1.1" is no name server
        resolver 1.1.1
                 ^~~~~
        expected system, recursive, or an address, perhaps with @PORT
    >>> resolver 1.1.1.1@0
    t.conf:1: "1.1.1.1@0" is no name server
        resolver 1.1.1.1@0
                 ^~~~~~~~~
        expected system, recursive, or an address, perhaps with @PORT
    >>> resolver
    t.conf:1: unexpected end of line
        resolver
                ^
        expected "system", "recursive" or an address
    >>> ca x cert "y"
    t.conf:1: "y" is no absolute path
        ca x cert "y"
                  ^~~
        expected a path that begins with "/"
    >>> filter "x" chain { a }
    t.conf:1: filter "a" is not declared
        filter "x" chain { a }
                           ^
    >>> listen on lo\tport 0
    t.conf:1: port cannot be 0
        listen on lo	port 0
                    	     ^
        expected a number from 1 to 65535
    """#
  )
}

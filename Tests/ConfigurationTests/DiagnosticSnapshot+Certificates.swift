// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Certificates and authorities.
  static let certificates = list(
    #"""
    >>> pki
    t.conf:1: unexpected end of line
        pki
           ^
        expected the name of a pki
    >>> pki x
    t.conf:1: unexpected end of line
        pki x
             ^
        expected cert, key or dhe
    >>> pki x cert
    t.conf:1: unexpected end of line
        pki x cert
                  ^
        expected a certificate's file
    >>> pki x cert c
    t.conf:1: "c" is no absolute path
        pki x cert c
                   ^
        expected a path that begins with "/"
    >>> pki x cret "/c"
    t.conf:1: unexpected "cret"
        pki x cret "/c"
              ^~~~
        expected cert, key or dhe; did you mean "cert"?
    >>> pki x cert "/c"
    t.conf:1: pki "x" needs key
        pki x cert "/c"
            ^
    >>> pki x key "/k"
    t.conf:1: pki "x" needs cert
        pki x key "/k"
            ^
    >>> pki x dhe always
    t.conf:1: unexpected "always"
        pki x dhe always
                  ^~~~~~
        expected none, auto or legacy
    >>> pki "a b" cert "/c"
    t.conf:1: "a b" is no host name
        pki "a b" cert "/c"
            ^~~~~
        expected letters, digits, hyphens and dots
    >>> pki "*.-x" cert "/c"
    t.conf:1: "*.-x" is no host name
        pki "*.-x" cert "/c"
            ^~~~~~
        expected letters, digits, hyphens and dots
    >>> ca x
    t.conf:1: unexpected end of line
        ca x
            ^
        expected "cert"
    >>> ca x cert "/a"\nca x cert "/b"
    t.conf:2: ca "x" is declared twice
        ca x cert "/b"
           ^
    >>> ca * cert "/a"
    t.conf:1: what begins with "*" has to be quoted
        ca * cert "/a"
           ^
        expected the name of a ca
    >>> pki x cert /etc/ssl/x.pem
    t.conf:1: what begins with "/" has to be quoted
        pki x cert /etc/ssl/x.pem
                   ^
        expected a certificate's file
    """#
  )
}

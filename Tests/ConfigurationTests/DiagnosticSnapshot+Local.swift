// SPDX-License-Identifier: ISC

extension DiagnosticSnapshot {
  /// Local delivery.
  static let local = list(
    #"""
    >>> table t { a }\naction a maildir alias <t>
    t.conf:2: table "t" has no values
        action a maildir alias <t>
                                ^
        expected keys with values: { key = value }
    >>> action a maildir userbase <localnames>
    t.conf:1: table "<localnames>" has no values
        action a maildir userbase <localnames>
                                   ^~~~~~~~~~
        expected keys with values: { key = value }
    >>> action
    t.conf:1: unexpected end of line
        action
              ^
        expected an action's name
    >>> action a
    t.conf:1: unexpected end of line
        action a
                ^
        expected mbox, maildir, lmtp, mda, forward-only, expand-only or relay
    >>> action a mbx
    t.conf:1: unexpected "mbx"
        action a mbx
                 ^~~
        expected mbox, maildir, lmtp, mda, forward-only, expand-only or relay; did you mean "mbox"?
    >>> action "" mbox
    t.conf:1: an action's name is empty
        action "" mbox
               ^~
    >>> action relay relay
    t.conf:1: "relay" has to be quoted here
        action relay relay
               ^~~~~
        expected an action's name
    >>> action a mbox user joe
    t.conf:1: mbox cannot be combined with user
        action a mbox user joe
                      ^~~~
    >>> action a mbox junk
    t.conf:1: unexpected "junk"
        action a mbox junk
                      ^~~~
        expected user, alias, virtual, userbase, wrapper or ttl
    >>> action a mbox ttl 1w
    t.conf:1: "1w" is no duration
        action a mbox ttl 1w
                          ^~
        expected a positive whole number followed by s, m, h or d
    >>> action a maildir ~/Mail
    t.conf:1: what begins with "~" has to be quoted
        action a maildir ~/Mail
                         ^
        expected a path
    >>> action a maildir junk junk
    t.conf:1: unexpected "junk"
        action a maildir junk junk
                              ^~~~
        expected user, alias, virtual, userbase, wrapper or ttl
    >>> action a maildir alias { a = b } virtual { c = d }
    t.conf:1: alias cannot be combined with virtual
        action a maildir alias { a = b } virtual { c = d }
                                         ^~~~~~~
    >>> action a maildir alias { a, b }
    t.conf:1: this table has no values
        action a maildir alias { a, b }
                               ^
        expected keys with values: { key = value }
    >>> action a maildir wrapper w
    t.conf:1: wrapper "w" is not declared
        action a maildir wrapper w
                                 ^
    >>> mda wrapper bord "x %{mda}"\naction a maildir wrapper brod
    t.conf:2: wrapper "brod" is not declared
        action a maildir wrapper brod
                                 ^~~~
        did you mean "bord"?
    >>> action a maildir "%{sender:upper}"
    t.conf:1: "%{sender:upper}": unknown modifier "upper"
        action a maildir "%{sender:upper}"
                         ^~~~~~~~~~~~~~~~~
        expected lowercase, uppercase, strip or raw
    >>> action a maildir "%{sender[a]}"
    t.conf:1: "%{sender[a]}": "a" is no slice
        action a maildir "%{sender[a]}"
                         ^~~~~~~~~~~~~~
        expected [i], [a:b], [a:] or [:b], of whole numbers
    >>> action a maildir "%{sender[1:2:3]}"
    t.conf:1: "%{sender[1:2:3]}": "1:2:3" is no slice
        action a maildir "%{sender[1:2:3]}"
                         ^~~~~~~~~~~~~~~~~~
        expected [i], [a:b], [a:] or [:b], of whole numbers
    >>> action a maildir "%{user.name}"
    t.conf:1: "%{user.name}": unknown token "user.name"
        action a maildir "%{user.name}"
                         ^~~~~~~~~~~~~~
        expected sender, sender.user, sender.domain, rcpt, rcpt.user, rcpt.domain, dest, dest.user, dest.domain, user.username, user.directory or mbox.from; in a wrapper mda
    >>> action a lmtp
    t.conf:1: unexpected end of line
        action a lmtp
                     ^
        expected host:port or a socket's path
    >>> action a lmtp "host"
    t.conf:1: "host" is nowhere to deliver by LMTP
        action a lmtp "host"
                      ^~~~~~
        expected host:port, [address]:port or the absolute path of a socket
    >>> action a lmtp "host:0"
    t.conf:1: "host:0" is nowhere to deliver by LMTP
        action a lmtp "host:0"
                      ^~~~~~~~
        expected host:port, [address]:port or the absolute path of a socket
    >>> action a lmtp "host:frob"
    t.conf:1: unknown service "frob"
        action a lmtp "host:frob"
                      ^~~~~~~~~~~
        expected a number from 1 to 65535, or the name of a service
    >>> action a lmtp "host:smpt"
    t.conf:1: unknown service "smpt"
        action a lmtp "host:smpt"
                      ^~~~~~~~~~~
        expected a number from 1 to 65535, or the name of a service; did you mean "smtp"?
    >>> action a lmtp "x@host:frob"
    t.conf:1: "x@host:frob" is nowhere to deliver by LMTP
        action a lmtp "x@host:frob"
                      ^~~~~~~~~~~~~
        expected host:port, [address]:port or the absolute path of a socket
    >>> action a lmtp "socket/x"
    t.conf:1: "socket/x" is nowhere to deliver by LMTP
        action a lmtp "socket/x"
                      ^~~~~~~~~~
        expected host:port, [address]:port or the absolute path of a socket
    >>> action a lmtp "h:24" rcpt
    t.conf:1: unexpected "rcpt"
        action a lmtp "h:24" rcpt
                             ^~~~
        expected rcpt-to, user, alias, virtual, userbase, wrapper or ttl
    >>> action a mda "x" wrapper
    t.conf:1: unexpected end of line
        action a mda "x" wrapper
                                ^
        expected a wrapper's name
    >>> action a forward-only user joe
    t.conf:1: forward-only cannot be combined with user
        action a forward-only user joe
                              ^~~~
    >>> action a expand-only user joe
    t.conf:1: expand-only cannot be combined with user
        action a expand-only user joe
                             ^~~~
    >>> action a forward-only ttl
    t.conf:1: unexpected end of line
        action a forward-only ttl
                                 ^
        expected a duration
    >>> action a maildir /var/mail
    t.conf:1: what begins with "/" has to be quoted
        action a maildir /var/mail
                         ^
        expected a path
    >>> action a maildir user
    t.conf:1: unexpected end of line
        action a maildir user
                             ^
        expected a user
    >>> action a maildir "%{senderr}"
    t.conf:1: "%{senderr}": unknown token "senderr"
        action a maildir "%{senderr}"
                         ^~~~~~~~~~~~
        did you mean "sender"?
    >>> action a maildir "%{sender[1}"
    t.conf:1: "%{sender[1}": "sender[1" is no slice
        action a maildir "%{sender[1}"
                         ^~~~~~~~~~~~~
        expected [i], [a:b], [a:] or [:b], of whole numbers
    >>> action a lmtp "/run/x" junk
    t.conf:1: unexpected "junk"
        action a lmtp "/run/x" junk
                               ^~~~
        expected rcpt-to, user, alias, virtual, userbase, wrapper or ttl
    >>> action a mda ""
    t.conf:1: a command is empty
        action a mda ""
                     ^~
    >>> action a mda "/hooks/%{dest.user} x"
    t.conf:1: "/hooks/%{dest.user} x": dest.user would choose the program that runs
        action a mda "/hooks/%{dest.user} x"
                     ^~~~~~~~~~~~~~~~~~~~~~~
        expected a program of your own, which may take it as an argument: "/path/to/program %{dest.user}"
    >>> mda wrapper w "/hooks/%{sender.domain} %{mda}"
    t.conf:1: "/hooks/%{sender.domain} %{mda}": sender.domain would choose the program that runs
        mda wrapper w "/hooks/%{sender.domain} %{mda}"
                      ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
        expected a program of your own, which may take it as an argument: "/path/to/program %{sender.domain}"
    >>> action a mda "%{rcpt:strip|lower}"
    t.conf:1: "%{rcpt:strip|lower}": unknown modifier "lower"
        action a mda "%{rcpt:strip|lower}"
                     ^~~~~~~~~~~~~~~~~~~~~
        expected lowercase, uppercase, strip or raw
    >>> action a expand-only wrapper
    t.conf:1: unexpected end of line
        action a expand-only wrapper
                                    ^
        expected a wrapper's name
    >>> action a mbox userbase <getpwnam> userbase <getpwnam>
    t.conf:1: userbase is given twice
        action a mbox userbase <getpwnam> userbase <getpwnam>
                                          ^~~~~~~~
    >>> action "a" maildir "~/M" "b"
    t.conf:1: unexpected "b"
        action "a" maildir "~/M" "b"
                                 ^~~
        expected junk, user, alias, virtual, userbase, wrapper or ttl
    """#
  )
}

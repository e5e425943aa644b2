// SPDX-License-Identifier: ISC

/// An option of a directive: a statement that may be made, and one that may not.
struct OptionCase: CustomStringConvertible {
  let accepted: String
  let refused: String

  /// Statements that both rest upon.
  static let prelude = """
    table list { "a", "b" }
    table map { "a" = "b" }
    table addresses { "192.0.2.1" = "one.example.org" }
    table credentials { "label" = "user:secret" }
    pki shop cert "/c"
    pki shop key "/k"
    pki "*" cert "/c"
    pki "*" key "/k"
    ca trusted cert "/ca"
    srs key "secret"
    mda wrapper "around" "nice %{mda}"
    proc "program" "/bin/filter"
    filter "shared" proc "program"
    filter "other" phase connect match fcrdns junk

    """

  var description: String { accepted }

  /// Lines in pairs.
  private static func list(_ text: String) -> [OptionCase] {
    let lines = text.split(separator: "\n").map(String.init)
    return stride(from: 0, to: lines.count - 1, by: 2).map {
      OptionCase(accepted: lines[$0], refused: lines[$0 + 1])
    }
  }

  static let all = listening + local + relaying + filters + settings + criteria

  private static let listening = list(
    #"""
    listen on lo inet4
    listen on lo inet4 inet6
    listen on lo inet6
    listen on 127.0.0.1 inet6
    listen on lo port 2525
    listen on lo port 70000
    listen on lo port smtps
    listen on lo port imap
    listen on lo tls pki shop
    listen on lo tls
    listen on lo tls-require pki shop
    listen on lo tls-require tls pki shop
    listen on lo tls-require verify pki shop
    listen on lo tls verify pki shop
    listen on lo smtps pki shop
    listen on lo smtps
    listen on lo smtps verify pki shop
    listen on lo smtps pki shop verify
    listen on lo tls pki shop pki "*"
    listen on lo tls pki shop pki "SHOP"
    listen on lo tls pki shop ca trusted
    listen on lo tls pki shop ca other
    listen on lo tls pki shop ciphers "HIGH"
    listen on lo tls pki shop ciphers ""
    listen on lo tls pki shop protocols "TLSv1.3"
    listen on lo tls pki shop protocols
    listen on lo tls pki shop auth
    listen on lo auth
    listen on lo smtps pki shop auth <map>
    listen on lo smtps pki shop auth <list>
    listen on lo tls pki shop auth-optional
    listen on lo auth-optional
    listen on lo tls pki shop auth-optional <map>
    listen on lo tls pki shop auth auth-optional
    listen on lo tag "12345678901234567890123456789012"
    listen on lo tag "123456789012345678901234567890123"
    listen on lo hostname mail.example.org
    listen on lo hostname "mail example org"
    listen on lo hostnames <addresses>
    listen on lo hostnames <list>
    listen on lo mask-src
    listen on lo mask-src mask-src
    listen on lo received-auth
    listen on socket received-auth
    listen on lo no-dsn
    listen on lo dsn
    listen on lo proxy-v2
    listen on socket proxy-v2
    listen on lo senders <map>
    listen on lo senders <list>
    listen on lo senders <map> masquerade
    listen on lo masquerade
    listen on lo filter "shared"
    listen on lo filter "absent"
    listen on lo filter { "shared", "other" }
    listen on lo filter { "shared", "shared" }
    listen on socket filter "shared"
    listen on socket senders <map>
    listen on socket tag x mask-src no-dsn
    listen on socket port 25
    """#
  )

  private static let local = list(
    #"""
    action x mbox
    action x mbox user joe
    action x mbox alias <map>
    action x mbox alias <list>
    action x mbox ttl 1h
    action x mbox junk
    action x mbox wrapper "around"
    action x mbox wrapper
    action x maildir
    action x maildir no-junk junk junk
    action x maildir "~/Mail/%{dest.user}" junk
    action x maildir "~/Mail/%{dest.usr}" junk
    action x maildir virtual <map>
    action x maildir virtual <map> alias <map>
    action x maildir userbase <map>
    action x maildir userbase <list>
    action x maildir userbase <getpwnam>
    action x maildir alias <getpwnam>
    action x maildir wrapper "around" user joe
    action x maildir wrapper "absent"
    action x lmtp "localhost:24"
    action x lmtp "localhost"
    action x lmtp "[::1]:24" rcpt-to
    action x lmtp "::1:24"
    action x lmtp "/run/lmtp" rcpt-to user joe
    action x lmtp "run/lmtp"
    action x mda "cat > /dev/null"
    action x mda "%{mda}"
    action x forward-only
    action x forward-only user joe
    action x forward-only alias <map> ttl 1d
    action x forward-only alias
    action x expand-only virtual <map>
    action x expand-only user joe
    """#
  )

  private static let relaying = list(
    #"""
    action x relay
    action x relay user joe
    action x relay helo mail.example.org
    action x relay helo mail.example.org helo-src <addresses>
    action x relay helo-src <addresses>
    action x relay helo-src <map>
    action x relay pki shop
    action x relay pki absent
    action x relay ca trusted
    action x relay ca absent
    action x relay ciphers "HIGH"
    action x relay ciphers ""
    action x relay protocols "TLSv1.2"
    action x relay protocols
    action x relay src 192.0.2.1
    action x relay src example.org
    action x relay mail-from "@example.org"
    action x relay mail-from "a b@example.org"
    action x relay backup
    action x relay backup host example.org
    action x relay backup mx mx.example.org
    action x relay backup mx
    action x relay host smtp://example.org
    action x relay host lmtp://example.org
    action x relay host { smtp+tls://a, smtp+notls://b:26, smtps://c, lmtp://d:24 }
    action x relay host { smtp+ssl://a }
    action x relay domain { "example.net" = "smtp://mx.example.org" }
    action x relay domain { "example.net" = "smtp://mx.example.org" } host a
    action x relay tls
    action x relay no-verify
    action x relay tls no-verify
    action x relay tls tls
    action x relay host smtps://label@a auth <credentials>
    action x relay auth <credentials>
    action x relay host smtp+tls://label@a auth <credentials>
    action x relay host smtp://label@a auth <credentials>
    action x relay host { smtps://label@a, smtps://b } auth <credentials>
    action x relay host smtps://a auth <credentials>
    action x relay domain { "a.example" = "smtps://label@a" } auth <credentials>
    action x relay domain { "a.example" = "smtps://label@a" }
    action x relay filter "shared"
    action x relay filter { "shared", "absent" }
    action x relay srs
    action x relay srs srs
    action x relay ttl 1d
    action x relay ttl 1
    """#
  )

  private static let filters = list(
    #"""
    proc "p" "/bin/f" user joe group mail chroot "/var/empty"
    proc "p" "/bin/f" chroot "var/empty"
    filter "f" proc "program"
    filter "f" proc "absent"
    filter "f" proc-exec "/bin/f" user joe group mail chroot "/var/empty"
    filter "f" proc-exec ""
    filter "f" chain { "shared", "other" }
    filter "f" chain { "f" }
    filter "f" phase connect match fcrdns bypass
    filter "f" phase commit match fcrdns bypass
    filter "f" phase connect match !rdns reject "550 no"
    filter "f" phase connect match !rdns reject "200 yes"
    filter "f" phase connect match rdns regex "^dyn" disconnect "421 no"
    filter "f" phase connect match rdns regex "^(dyn" disconnect "421 no"
    filter "f" phase connect match src { "192.0.2.0/24" } junk
    filter "f" phase connect match src { "192.0.2.0/40" } junk
    filter "f" phase helo match helo "a" rewrite "b"
    filter "f" phase connect match helo "a" rewrite "b"
    filter "f" phase ehlo match helo "a" report "b"
    filter "f" phase ehlo match mail-from "a" report "b"
    filter "f" phase auth match auth report "b"
    filter "f" phase helo match auth report "b"
    filter "f" phase mail-from match !auth <list> junk
    filter "f" phase mail-from match rcpt-to <list> junk
    filter "f" phase mail-from match mail-from regex "@x" junk
    filter "f" phase mail-from match mail-from <map> junk
    filter "f" phase rcpt-to match rcpt-to "@x" rewrite "<a@y>"
    filter "f" phase data match rcpt-to "@x" rewrite "<a@y>"
    filter "f" phase data match mail-from "@x" junk
    filter "f" phase dot match mail-from "@x" junk
    filter "f" phase commit match fcrdns reject "550 no"
    filter "f" phase commit match fcrdns junk
    """#
  )

  private static let settings = list(
    #"""
    admd "example.org"
    admd ""
    bounce warn-interval 1h, 2h, 3h, 4h, 5h
    bounce warn-interval 1h 2h
    ca "*" cert "/ca"
    ca trusted cert "/ca"
    mda limit max-session 1 max-session-per-user 1 task-lowat 1 task-hiwat 2 task-release 1 timeout 2m
    mda limit max-session 0
    mda wrapper "w" "%{mda}"
    mda wrapper "around" "%{mda}"
    mta max-deferred 0
    mta max-deferred -1
    mta limit inet4 max-conn-per-host 1 conn-delay-host 0
    mta limit max-conn-per-host 0
    mta limit for domain "x.example" inet6
    mta limit for host "x.example" inet6
    pki shop dhe legacy
    pki shop dhe 1024
    pki shop dhe none
    pki shop ca "/x"
    queue compression
    queue compression yes
    queue encryption
    queue encryption "too short"
    queue encryption -
    queue encryption - stdin
    queue encryption "stdin"
    queue encryption stdin stdin
    queue encryption "0123456789abcdef0123456789abcdef"
    queue encryption "0123456789abcdef0123456789abcdef0"
    queue ttl 4d
    queue ttl 4
    scheduler limit max-inflight 1 max-evp-batch-size 1 max-msg-batch-size 1 max-schedule 1
    scheduler limit max-inflight 0
    smtp ciphers "HIGH"
    smtp ciphers
    smtp limit max-mails 1 max-rcpt 1
    smtp limit max-mails 0
    smtp max-message-size 1K
    smtp max-message-size 1KB
    smtp sub-addr-delim "-"
    smtp sub-addr-delim "--"
    srs key "a"
    srs key
    srs key backup "b"
    srs key backup ""
    srs ttl 25h
    srs ttl 23h
    table t "/etc/t"
    table t "etc/t"
    table t file:/etc/t
    table t file:etc/t
    table t static:/etc/t
    table t static:
    table t db:/etc/t.db
    table t db:t.db
    table t getpwnam:
    table t getpwnam
    table t proc:/bin/t
    table t proc:t
    table t ldap:/etc/t
    table t "l dap:/etc/t"
    table t { "a" = b, c => "d" }
    table t { a => b = c }
    """#
  )

  private static let criteria = list(
    #"""
    match from any reject
    match from all reject
    match !from local reject
    match from !local reject
    match from socket reject
    match from socket from local reject
    match from src 192.0.2.1 reject
    match from src 192.0.2.256 reject
    match from src regex "^192" reject
    match from src regex <map> reject
    match from rdns reject
    match from rdns <map> reject
    match from rdns regex "x$" reject
    match from rdns regex "x{3,1}" reject
    match from auth reject
    match from auth auth reject
    match from auth <list> reject
    match from auth <map> reject
    match from auth regex "a" reject
    match from auth regex reject
    match from mail-from <list> reject
    match from mail-from reject
    match from mail-from regex "a" reject
    match from mail-from "a" mail-from "b" reject
    match for any reject
    match for all reject
    match !for local reject
    match for local for any reject
    match for domain <list> reject
    match for domain reject
    match for domain regex "a" reject
    match for domain regex "(" reject
    match for rcpt-to <list> reject
    match for rcpt-to <map> reject
    match for rcpt-to regex "a" reject
    match for rcpt-to "a" rcpt-to "b" reject
    match auth reject
    match auth <map> reject
    match !auth <list> reject
    match auth <absent> reject
    match helo <list> reject
    match helo reject
    match helo regex "a" reject
    match helo regex "(a" reject
    match mail-from <list> reject
    match mail-from <map> reject
    match rcpt-to regex "a" reject
    match rcpt-to reject
    match tag "a" reject
    match tagged "a" reject
    match tag regex "a" reject
    match tag reject
    match !tls reject
    match tls <list> reject
    """#
  )
}

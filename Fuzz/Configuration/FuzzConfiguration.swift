// SPDX-License-Identifier: ISC

import Configuration
import Mail

/// Reads any bytes as a configuration that may include itself; what is shown of them has to be text,
/// and what is accepted has to survive its way to the roles and being written out.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzConfiguration(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // libFuzzer owns the bytes for the length of this call, and they are copied at once.
  let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  let facts = HostFacts(
    hostName: "mx.example.org",
    interfaces: [HostFacts.Interface(name: "lo", addresses: [.inet4(0x7f00_0001), .inet6(0, 1)])],
    hostsText: "127.0.0.1 localhost\n"
  )
  let report = ConfigurationReport(reading: "fuzz", facts: facts) { path throws(UnreadableFile) in
    guard path == "fuzz" || path.hasPrefix("/") else { throw UnreadableFile(reason: "absent") }
    return path == "fuzz" || path == "/self" ? bytes : Array(bytes.prefix(200))
  }
  for diagnostic in report.diagnostics {
    precondition(diagnostic.description.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0a || $0 == 0x09 })
  }
  guard let configuration = report.configuration else { return 0 }
  let lookup = LookupProjection(configuration)
  let delivery = DeliveryProjection(configuration)
  let queue = QueueProjection(configuration)
  let frontend = FrontendProjection(configuration)
  precondition((try? FrontendProjection(decoding: frontend.encoded())) == frontend)
  precondition((try? LookupProjection(decoding: lookup.encoded())) == lookup)
  precondition((try? DeliveryProjection(decoding: delivery.encoded())) == delivery)
  precondition((try? QueueProjection(decoding: queue.encoded())) == queue)
  let text = configuration.normalizedText
  let again = ConfigurationReport(reading: "fuzz", facts: facts) { path throws(UnreadableFile) in
    guard path == "fuzz" || path.hasPrefix("/") else { throw UnreadableFile(reason: "absent") }
    return path == "fuzz" ? Array(text.utf8) : path == "/self" ? bytes : Array(bytes.prefix(200))
  }
  precondition(again.configuration?.normalizedText == text)
  return 0
}

// SPDX-License-Identifier: ISC

internal import Glibc

/// Files beside the source file that asks for them.
package enum TestFile {
  /// The names in a folder, sorted; those that begin with a dot are left out. Empty when there is no such
  /// folder.
  package static func names(in folder: String = ".", beside source: String = #filePath) -> [String]
  {
    // The stream is closed below, and no entry outlives the step that reads it.
    guard let stream = unsafe opendir(path(folder, source)) else { return [] }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      // The name ends with a zero within its 256 bytes.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    unsafe closedir(stream)
    return names.sorted()
  }

  /// The content of a file; empty when it cannot be read.
  package static func bytes(_ name: String, beside source: String = #filePath) -> [UInt8] {
    // The stream is closed below, and the buffer is as large as the count says.
    guard let file = unsafe fopen(path(name, source), "r") else { return [] }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe fread(&buffer, 1, buffer.count, file)
      guard count > 0 else { break }
      content += buffer[..<count]
    }
    unsafe fclose(file)
    return content
  }

  private static func path(_ name: String, _ source: String) -> String {
    source.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
  }
}

// SPDX-License-Identifier: ISC

import Glibc
import TestFiles

/// The project's files, found from the place of this one.
enum SourceTree {
  /// The project's directory, without a slash at its end.
  static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  /// Every Swift file below a folder of the project, in order.
  static func files(below folder: String) -> [SourceFile] {
    paths(below: folder).filter { $0.hasSuffix(".swift") }.map {
      SourceFile(path: $0, text: text(of: $0))
    }
  }

  /// Every file below a folder, as paths from the project's directory; what is hidden is left out.
  static func paths(below folder: String) -> [String] {
    // The stream is closed below, and no entry outlives the step that reads it.
    guard let stream = unsafe opendir("\(root)/\(folder)") else { return [] }
    var found: [String] = []
    while let entry = unsafe readdir(stream) {
      let isFolder = unsafe entry.pointee.d_type == UInt8(DT_DIR)
      // The name ends with a zero within its 256 bytes.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      guard !name.hasPrefix(".") else { continue }
      found += isFolder ? paths(below: "\(folder)/\(name)") : ["\(folder)/\(name)"]
    }
    unsafe closedir(stream)
    return found.sorted()
  }

  private static func text(of path: String) -> String {
    String(decoding: TestFile.bytes(path, beside: "\(root)/Package.swift"), as: UTF8.self)
  }
}

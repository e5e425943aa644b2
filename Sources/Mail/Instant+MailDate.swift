// SPDX-License-Identifier: ISC

extension Instant {
  /// The date-time of RFC 5322 section 3.3 in UTC: `Wed, 1 Jan 2020 00:00:00 +0000 (UTC)`.
  package var mailDate: String {
    let day = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
    let second = seconds - day * 86400
    let weekday = Instant.weekdays[Int(((day + 4) % 7 + 7) % 7)]
    let (year, month, dayOfMonth) = Instant.civilDate(ofDay: day)
    let clock = [second / 3600, second / 60 % 60, second % 60]
      .map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    return "\(weekday), \(dayOfMonth) \(Instant.months[month - 1]) \(year) \(clock) +0000 (UTC)"
  }

  /// The proleptic Gregorian date of a day counted from 1970-01-01; months count from 1.
  ///
  /// Counts in years that begin on the first of March, so that the leap day comes last.
  private static func civilDate(ofDay day: Int64) -> (year: Int64, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let dayOfMonth = Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    let month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfMonth)
  }

  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
}

import Domain

/// Files of statistics that earlier jobs left.
struct KeptStatistics {
    let paths: [String]
    let log: (String) -> Void

    /// The statistics of a pass of this key over this subject; nil when no file has them. A file that has the key and still
    /// cannot be used is logged, no more: the pass is then made.
    func find(_ key: Digest, of subject: CalibrationSubject) -> CalibrationStatistics? {
        for path in paths {
            do {
                let file = try SampleFile(path: path)
                let head = try file.bytes(at: 0, count: CalibrationStatistics.headLength)
                guard try CalibrationStatistics.key(ofHead: head) == key else { continue }
                guard file.size <= CalibrationStatistics.sizeLimit else { throw Refusal("it is too large") }
                return try CalibrationStatistics(file.bytes(at: 0, count: file.size), key: key, of: subject)
            } catch let refusal as Refusal {
                log("statistics of an earlier job are not used: \(refusal.reason)")
            } catch {
                log("statistics of an earlier job are not used: they cannot be read")
            }
        }
        return nil
    }

    private typealias Refusal = CalibrationStatistics.Refusal
}

import Foundation
import HTTP

/// Conditions of RFC 9110 §13 on what a request is about. Our tags are strong ones.
extension Request {
    /// Throws 412 unless If-Match is absent, `*`, or names one of the tags of what is there, of which there may be none.
    /// Compares strongly, so a weak tag never matches (§13.1.1). To be called once the thing is known to exist, and before
    /// If-None-Match is looked at (§13.2.2).
    func requireMatch(_ tags: [String]) throws {
        guard fields["If-Match"] != nil else { return }
        let given = listed("If-Match")
        if given.contains("*") || given.contains(where: tags.contains) { return }
        let now = tags.isEmpty ? "It has no entity tag" : "Its entity tag is \(tags.joined(separator: " or ")) now"
        throw Problem(
            .preconditionFailed, "precondition-failed", "\(now), which If-Match does not name. Nothing was done.")
    }

    /// Whether If-None-Match says that the client has what this tag stands for; compares weakly (§13.1.2).
    func alreadyHas(_ tag: String) -> Bool {
        listed("If-None-Match").contains { $0 == "*" || $0 == tag || $0 == "W/" + tag }
    }

    /// The members of a list of tags. None of ours holds a comma.
    func listed(_ name: String) -> [String] {
        fields.all(name).flatMap { $0.split(separator: ",") }.map { $0.trimmingCharacters(in: .whitespaces) }
    }
}

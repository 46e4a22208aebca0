import TestGraphs
import Testing

@testable import Quantization

@Suite struct MinimumCutTests {
    @Test func withoutLinksEachTakesItsCheaperSide() {
        var cut = MinimumCut(count: 3)
        cut.add(0, left: 1, right: 2)
        cut.add(1, left: 5, right: 3)
        cut.add(2, left: 4, right: 4)
        let (isRight, cost) = cut.solve()
        #expect(isRight == [false, true, false] && cost == 8)
    }

    @Test func aDearLinkKeepsNeighboursTogether() {
        var cut = MinimumCut(count: 2)
        cut.add(0, left: 1, right: 2)
        cut.add(1, left: 5, right: 3)
        cut.link(0, 1, 10)
        let (isRight, cost) = cut.solve()
        #expect(isRight == [true, true] && cost == 5)
    }

    /// Against every one of the 2^n partings.
    @Test func noPartingIsCheaper() {
        var numbers = SeededNumbers(12)
        for _ in 0..<60 {
            let n = 7
            let costs = numbers.floats(2 * n, 0...10).map(Double.init)
            let links = (0..<12).map { _ in
                let draw = numbers.floats(3, 0...1)
                return (Int(draw[0] * 6.99), Int(draw[1] * 6.99), Double(draw[2] * 5))
            }
            func cost(_ right: [Bool]) -> Double {
                let sides = (0..<n).reduce(0.0) { $0 + costs[2 * $1 + (right[$1] ? 1 : 0)] }
                return links.reduce(sides) { $0 + (right[$1.0] != right[$1.1] ? $1.2 : 0) }
            }
            var cut = MinimumCut(count: n)
            for i in 0..<n { cut.add(i, left: costs[2 * i], right: costs[2 * i + 1]) }
            for (i, j, price) in links { cut.link(i, j, price) }
            let (isRight, found) = cut.solve()
            let least = (0..<(1 << n)).map { mask in cost((0..<n).map { mask >> $0 & 1 == 1 }) }.min() ?? 0
            #expect(abs(found - least) < 1e-6 && abs(cost(isRight) - least) < 1e-6)
        }
    }
}

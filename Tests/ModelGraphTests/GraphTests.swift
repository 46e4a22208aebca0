import Testing

@testable import ModelGraph

@Suite struct GraphTests {
    @Test func theIndexKnowsMakersAndReadersAndCaptures() {
        let graph = Samples.small().graph
        let index = GraphIndex(graph)
        #expect(index.producer(of: "r") == 1 && index.producer(of: "X") == nil)
        #expect(index.consumers(of: "r") == [2] && index.consumers(of: "c") == [1] && index.consumers(of: "Y") == [])
        #expect(index.initializer(named: "w") == 0 && index.input(named: "X") == 0 && index.isGraphOutput("Y"))
        #expect(index.capturedNames == ["r"])
        #expect(index.isConstant("w") && !index.isConstant("X"))
    }

    @Test func freshNamesDoNotCollideEvenWithSubgraphs() {
        var graph = Samples.small().graph
        #expect(graph.freshName("t") == "t_1")
        #expect(graph.freshName("t") == "t_2")
        #expect(graph.freshName("new") == "new")
        #expect(graph.addInitializer(Tensor(name: "w", floats: [1])) == "w_1")
        #expect(graph.freshName("w_1") == "w_1_1")
        #expect(graph.freshName("") == "_1")
    }

    @Test func replacingAnInputReachesNodesOutputsAndCaptures() {
        var graph = Samples.small().graph
        #expect(graph.replaceInput(of: "r", with: "q") == 2)
        #expect(graph.nodes[2].subgraphs[0].nodes[0].inputs == ["q", "one"])
        #expect(graph.replaceInput(of: "Y", with: "Z") == 1)
        #expect(graph.outputs[0].name == "Z")
        // "one" is the body's own value.
        #expect(graph.replaceInput(of: "one", with: "two") == 0)
        #expect(graph.replaceInput(of: "Z", with: "Y", graphOutputs: false) == 0)
    }

    @Test func sortingIsStableAndFindsCycles() throws {
        var graph = Samples.small().graph
        let sorted = graph.nodes
        #expect(try graph.topologicallySorted() == sorted)
        graph.nodes = [sorted[2], sorted[0], sorted[1]]
        try graph.sortTopologically()
        #expect(graph.nodes == sorted)
        graph.nodes[0].inputs[0] = "Y"
        #expect(throws: ModelError.cyclic(nodes: ["Conv 'conv'", "Relu 'relu'", "If 'if'"])) {
            try graph.topologicallySorted()
        }
    }

    @Test func sortingALongShuffledChainGivesTheChain() throws {
        var graph = Graph(nodes: (0..<20_000).map { Node(op: "Relu", inputs: ["v\($0)"], outputs: ["v\($0 + 1)"]) })
        var random = Seeded(3)
        let chain = graph.nodes
        graph.nodes.shuffle(using: &random)
        try graph.sortTopologically()
        #expect(graph.nodes == chain)
    }

    @Test func removingTheUnusedKeepsWhatSubgraphsCapture() {
        var graph = Samples.small().graph
        graph.nodes.append(Node(op: "Relu", inputs: ["c"], outputs: ["dead"]))
        graph.nodes.append(Node(op: "Add", inputs: ["dead", "lost"], outputs: ["deader"]))
        graph.addInitializer(Tensor(name: "lost", floats: [1]))
        graph.valueInfo = ["dead", "r"].map { ValueInfo(name: $0, type: .float, shape: nil) }
        graph.removeUnused()
        #expect(graph.nodes.map(\.op) == ["Conv", "Relu", "If"])
        #expect(graph.initializers.map(\.name) == ["w", "flag"])
        #expect(graph.valueInfo.map(\.name) == ["r"])
    }

    @Test func initializersAreTakenOutOfTheInputs() {
        var graph = Samples.small().graph
        graph.inputs.append(ValueInfo(name: "w", type: .float, shape: nil))
        #expect(graph.dropInitializersFromInputs() == ["w"])
        #expect(graph.inputs.map(\.name) == ["X"])
    }

    @Test func editingNodesInPlaceDoesNotCopyTheGraph() {
        var graph = Graph(nodes: (0..<50_000).map { Node(op: "Relu", inputs: ["v\($0)"], outputs: ["v\($0 + 1)"]) })
        let clock = ContinuousClock()
        // Copying 50,000 nodes at each of 50,000 edits would take minutes.
        let time = clock.measure {
            for place in graph.nodes.indices {
                graph.nodes[place].inputs[0] = "w"
                graph.nodes[place].set(.int("axis", 1))
            }
        }
        #expect(time < .seconds(5))
    }

    @Test func factsSayWhatIsInTheModel() throws {
        var model = Samples.small()
        model.graph.nodes.append(Node(op: "QLinearConv", inputs: [], outputs: ["q"], domain: "a.b"))
        let facts = model.facts
        #expect(facts.operators == ["Conv": 1, "Relu": 1, "If": 1, "Add": 1, "Identity": 1, "a.b::QLinearConv": 1])
        #expect(facts.parameters == 20 && facts.weightBytes == 77)
        #expect(facts.opsets == ["ai.onnx": 17, "com.microsoft": 1])
        #expect(facts.inputs.map(\.name) == ["X"] && facts.isQuantized && facts.foreignDomains == ["a.b"])
        #expect(!Samples.small().facts.isQuantized)
        #expect(facts.hasSubgraphs && !facts.hasStringTensors && facts.producer == "octavo")
    }

    @Test func nodeAttributesCanBeSetAndRead() {
        var node = Node(op: "Conv", inputs: ["x", ""], outputs: ["y"], attributes: [.ints("pads", [1, 2])])
        #expect(node.ints("pads") == [1, 2] && node.int("pads") == nil)
        node.set(.ints("pads", [3]))
        node.set(.string("auto_pad", "VALID"))
        #expect(node.attributes.count == 2 && node.string("auto_pad") == "VALID")
        #expect(node.removeAttribute("pads") != nil && node.ints("pads") == nil)
        #expect(node.input(0) == "x" && node.input(1) == nil && node.input(2) == nil)
        #expect(node.label == "Conv to 'y'")
    }
}

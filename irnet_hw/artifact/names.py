"""The names of the files and folders in an accelerator's folder."""

MANIFEST = "manifest.json"
MODEL = "model.onnx"
#: The network as its user gave it, if the model differs from it: it has scales behind layers.
GIVEN = "given.onnx"
#: The hardware graph.
DATAFLOW = "dataflow.onnx"
#: The folds; users can edit this file and pass it to the next build.
FOLDING = "folding_config.json"
RTL = "rtl"
SHELL = "shell"
#: A cocotb test for the user's own CI.
COCOTB = "cocotb"
SIMULATION = "simulation.json"
#: The images that the simulation keeps for the report and the golden vectors.
SAMPLE = "sample.npz"
#: The simulation of the netlist.
GATES = "gates.json"
SYNTHESIS = "synthesis.json"
SYNTHESIS_LOG = "synthesis.log"
#: Scripts and reports of Vivado.
VIVADO = "vivado"
#: Present only if the bitstream is complete.
BITSTREAMS = "bitstream"
BITSTREAM = f"{BITSTREAMS}/irnet.bit"
ROUTE = f"{BITSTREAMS}/route.json"
#: The tools' output; kept after a failure, too.
BITSTREAM_LOG = "bitstream.log"

"""What the files and folders in an accelerator's folder are called."""

MANIFEST = "manifest.json"
MODEL = "model.onnx"
#: The hardware graph.
DATAFLOW = "dataflow.onnx"
#: The folds, to change and give back.
FOLDING = "folding_config.json"
RTL = "rtl"
SHELL = "shell"
#: A test for the user's own CI.
COCOTB = "cocotb"
SIMULATION = "simulation.json"
#: The images that the simulation keeps for the report and the golden vectors.
SAMPLE = "sample.npz"
SYNTHESIS = "synthesis.json"
SYNTHESIS_LOG = "synthesis.log"
#: Scripts and reports of Vivado.
VIVADO = "vivado"
#: It is there only if it is whole.
BITSTREAMS = "bitstream"
BITSTREAM = f"{BITSTREAMS}/irnet.bit"
ROUTE = f"{BITSTREAMS}/route.json"
#: What the tools said, after a failure as well.
BITSTREAM_LOG = "bitstream.log"

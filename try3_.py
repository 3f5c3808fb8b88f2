import numpy as np
from tests.compiler.graphs import *
from irnet_hw import spec
from qonnx.util.cleanup import cleanup_model
from qonnx.core.onnx_exec import execute_onnx
from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
import finn.transformation.streamline.absorb as absorb
from finn.transformation.streamline import Streamline
from finn.transformation.streamline.reorder import MakeMaxPoolNHWC
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul
from qonnx.transformation.bipolar_to_xnor import ConvertBipolarMatMulToXnorPopcount
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.general import RemoveUnusedTensors, GiveUniqueNodeNames
import finn.transformation.fpgadataflow.convert_to_hw as to_hw
import sys; PAD=int(sys.argv[1])
net=Network(image=(5,5,2),layers=(Conv(4,bits=8,padding=0,norm="dyadic"),Conv(4,padding=PAD,norm="dyadic")),last="MatMul",bias=False,classes=3)
m=net.build(); x=images(net,4)
want=spec.run(m,x)["logits"]
m=cleanup_model(m)
m=m.transform(ConvertQONNXtoFINN())
def show(n):
    got=np.concatenate([execute_onnx(m,{m.graph.input[0].name: i.transpose(2,0,1)[None].astype(np.float32)})[m.graph.output[0].name] for i in x])
    print(n, np.array_equal(got,want), np.abs(got-want).max()); return got
show("import")
for t in [absorb.AbsorbScalarBiasIntoMultiThreshold(),Streamline(),LowerConvsToMatMul(),MakeMaxPoolNHWC(),absorb.AbsorbTransposeIntoMultiThreshold(),MakeMaxPoolNHWC(),absorb.AbsorbConsecutiveTransposes(),ConvertBipolarMatMulToXnorPopcount(),Streamline(),InferDataLayouts(),RemoveUnusedTensors()]:
    m=m.transform(t)
show('streamlined');print([n.op_type for n in m.graph.node]); print([a for a in dir(to_hw) if a.startswith("Infer")])

import importlib
class T: pass
to_hw=T()
for mod in ("matrix_vector_activation","thresholding","conv_inp_gen"):
    pass
import pkgutil, finn.transformation.fpgadataflow.convert_to_hw as pk
for q in pkgutil.iter_modules(pk.__path__):
    try: mm=importlib.import_module(pk.__name__+"."+q.name)
    except Exception as e: print(q.name,e); continue
    for a in dir(mm):
        if a.startswith("Infer"): setattr(to_hw,a,getattr(mm,a))
for t in ["InferBinaryMatrixVectorActivation","InferQuantizedMatrixVectorActivation","InferThresholdingLayer","InferConvInpGen"]:
    m=m.transform(getattr(to_hw,t)()) if hasattr(to_hw,t) else m; 
    try: show(t)
    except Exception as e: print(t, repr(e)[:200])
print([n.op_type for n in m.graph.node])
print(want)

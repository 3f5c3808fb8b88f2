import numpy as np, warnings
from tests.compiler.graphs import *
from irnet_hw import spec
from irnet_hw.compiler.tidy import Tidy
from irnet_hw.compiler.check import check
from irnet_hw.compiler.import_finn import ImportFINN
from irnet_hw.compiler.integer_input import IntegerInput
from irnet_hw.compiler.pool_bits import PoolBits
from irnet_hw.compiler.thresholds import IntegerThresholds
from irnet_hw.compiler.lower import *
import irnet_hw.kernels
from copy import deepcopy
def go(net):
    m = net.build(); x = images(net)
    want = spec.run(m, x)["logits"]
    for i,p in enumerate([Tidy, check, ImportFINN, IntegerInput, PoolBits, IntegerThresholds, LowerLogits, LowerLayers, LowerFlatten]):
        if p is check: check(m); continue
        m = m.transform(p())
        got = spec.run(m, x)["logits"]
        if p in (LowerLogits,LowerLayers,LowerFlatten): got = got*output_scale(m)
        print(p.__name__, np.array_equal(got,want), [n.op_type for n in m.graph.node])
    m=m.transform(ChannelsLast())
    from qonnx.core.onnx_exec import execute_onnx
    got=np.concatenate([execute_onnx(m,{"image":i[None].astype(np.float32)})["logits"] for i in x])
    print(np.array_equal(got*output_scale(m),want), [(n.op_type,n.output[0]) for n in m.graph.node]); print(want)
go(Network())
go(Network(layers=(Conv(4,bits=8,norm="batch"),Conv(3,kernel=1,padding=0),Conv(5,stride=2,pool_after=2),Dense(7)),last="MatMul"))
go(Network(layers=(Dense(7,bits=4),Dense(7)),last="MatMul",bias=False, last_bits=1))
from irnet_hw.compiler.fold import fold, _Planner
from irnet_hw.compiler.streams import InsertStreams
from irnet_hw.compiler.area import *
from irnet_hw.compiler.graph import op
from irnet_hw.boards import load_board
import time
m=Network(image=(8,8,1),layers=(Conv(32,bits=8),Conv(32,pool=2),Conv(64),Conv(64,pool=2)),classes=10).build()
for p in [Tidy, ImportFINN, IntegerInput, PoolBits, IntegerThresholds, Lower]:
    m=m.transform(p())
b=load_board("pynq-z2")
t=time.time(); 
for fps in (1e6,173000,50000,10000):
    try: fold(m,b,fps)
    except Exception as e: print(repr(e)); continue
    print(fps,[(n.op_type, {k:op(n).number(k) for k in ("PE","SIMD") if k in op(n).get_nodeattr_types()}, op(n).get_exp_cycles()) for n in m.graph.node], _Planner(m,b).plan(int(1e8/fps)).area)
print(time.time()-t)
m2=m.transform(InsertStreams())
print([(n.op_type,n.output[0]) for n in m2.graph.node])
print(total(*(area(op(n),b.part) for n in m2.graph.node)))

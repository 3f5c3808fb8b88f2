// Stand-ins for the processor and the clock buffer in openxc7_top. The test drives and observes
// them through processor_bench, whose ports have the names and widths of cocotbext-axi's models.
// Only the ports that openxc7_top connects exist.

module processor_bench (
    input  logic        clk,
    input  logic        reset_n,
    output logic        interrupt,

    input  logic [11:0] gp_awid,
    input  logic [31:0] gp_awaddr,
    input  logic [3:0]  gp_awlen,
    input  logic [1:0]  gp_awsize,
    input  logic [1:0]  gp_awburst,
    input  logic        gp_awvalid,
    output logic        gp_awready,
    input  logic [31:0] gp_wdata,
    input  logic [3:0]  gp_wstrb,
    input  logic        gp_wlast,
    input  logic        gp_wvalid,
    output logic        gp_wready,
    output logic [11:0] gp_bid,
    output logic [1:0]  gp_bresp,
    output logic        gp_bvalid,
    input  logic        gp_bready,
    input  logic [11:0] gp_arid,
    input  logic [31:0] gp_araddr,
    input  logic [3:0]  gp_arlen,
    input  logic [1:0]  gp_arsize,
    input  logic [1:0]  gp_arburst,
    input  logic        gp_arvalid,
    output logic        gp_arready,
    output logic [11:0] gp_rid,
    output logic [31:0] gp_rdata,
    output logic [1:0]  gp_rresp,
    output logic        gp_rlast,
    output logic        gp_rvalid,
    input  logic        gp_rready,

    output logic [5:0]  hp_awid,
    output logic [31:0] hp_awaddr,
    output logic [7:0]  hp_awlen,
    output logic [2:0]  hp_awsize,
    output logic [1:0]  hp_awburst,
    output logic        hp_awvalid,
    input  logic        hp_awready,
    output logic [63:0] hp_wdata,
    output logic [7:0]  hp_wstrb,
    output logic        hp_wlast,
    output logic        hp_wvalid,
    input  logic        hp_wready,
    input  logic [5:0]  hp_bid,
    input  logic [1:0]  hp_bresp,
    input  logic        hp_bvalid,
    output logic        hp_bready,
    output logic [5:0]  hp_arid,
    output logic [31:0] hp_araddr,
    output logic [7:0]  hp_arlen,
    output logic [2:0]  hp_arsize,
    output logic [1:0]  hp_arburst,
    output logic        hp_arvalid,
    input  logic        hp_arready,
    input  logic [5:0]  hp_rid,
    input  logic [63:0] hp_rdata,
    input  logic [1:0]  hp_rresp,
    input  logic        hp_rlast,
    input  logic        hp_rvalid,
    output logic        hp_rready
);

    openxc7_top top ();

endmodule

module BUFG (
    input  logic I,
    output logic O
);
    assign O = I;
endmodule

module PS7 (
    output logic [3:0]  FCLKCLK, FCLKRESETN,
    input  logic [19:0] IRQF2P,
    input  logic        MAXIGP0ACLK,
    output logic [11:0] MAXIGP0AWID,
    output logic [31:0] MAXIGP0AWADDR,
    output logic [3:0]  MAXIGP0AWLEN,
    output logic [1:0]  MAXIGP0AWSIZE, MAXIGP0AWBURST,
    output logic        MAXIGP0AWVALID,
    input  logic        MAXIGP0AWREADY,
    output logic [31:0] MAXIGP0WDATA,
    output logic [3:0]  MAXIGP0WSTRB,
    output logic        MAXIGP0WLAST, MAXIGP0WVALID,
    input  logic        MAXIGP0WREADY,
    input  logic [11:0] MAXIGP0BID,
    input  logic [1:0]  MAXIGP0BRESP,
    input  logic        MAXIGP0BVALID,
    output logic        MAXIGP0BREADY,
    output logic [11:0] MAXIGP0ARID,
    output logic [31:0] MAXIGP0ARADDR,
    output logic [3:0]  MAXIGP0ARLEN,
    output logic [1:0]  MAXIGP0ARSIZE, MAXIGP0ARBURST,
    output logic        MAXIGP0ARVALID,
    input  logic        MAXIGP0ARREADY,
    input  logic [11:0] MAXIGP0RID,
    input  logic [31:0] MAXIGP0RDATA,
    input  logic [1:0]  MAXIGP0RRESP,
    input  logic        MAXIGP0RLAST, MAXIGP0RVALID,
    output logic        MAXIGP0RREADY,
    input  logic        SAXIHP0ACLK, SAXIHP0RDISSUECAP1EN, SAXIHP0WRISSUECAP1EN,
    input  logic [5:0]  SAXIHP0AWID,
    input  logic [31:0] SAXIHP0AWADDR,
    input  logic [3:0]  SAXIHP0AWLEN,
    input  logic [1:0]  SAXIHP0AWSIZE, SAXIHP0AWBURST, SAXIHP0AWLOCK,
    input  logic [3:0]  SAXIHP0AWCACHE,
    input  logic [2:0]  SAXIHP0AWPROT,
    input  logic [3:0]  SAXIHP0AWQOS,
    input  logic        SAXIHP0AWVALID,
    output logic        SAXIHP0AWREADY,
    input  logic [5:0]  SAXIHP0WID,
    input  logic [63:0] SAXIHP0WDATA,
    input  logic [7:0]  SAXIHP0WSTRB,
    input  logic        SAXIHP0WLAST, SAXIHP0WVALID,
    output logic        SAXIHP0WREADY,
    output logic [1:0]  SAXIHP0BRESP,
    output logic        SAXIHP0BVALID,
    input  logic        SAXIHP0BREADY,
    input  logic [5:0]  SAXIHP0ARID,
    input  logic [31:0] SAXIHP0ARADDR,
    input  logic [3:0]  SAXIHP0ARLEN,
    input  logic [1:0]  SAXIHP0ARSIZE, SAXIHP0ARBURST, SAXIHP0ARLOCK,
    input  logic [3:0]  SAXIHP0ARCACHE,
    input  logic [2:0]  SAXIHP0ARPROT,
    input  logic [3:0]  SAXIHP0ARQOS,
    input  logic        SAXIHP0ARVALID,
    output logic        SAXIHP0ARREADY,
    output logic [63:0] SAXIHP0RDATA,
    output logic [1:0]  SAXIHP0RRESP,
    output logic        SAXIHP0RLAST, SAXIHP0RVALID,
    input  logic        SAXIHP0RREADY
);
    assign FCLKCLK = {3'b000, processor_bench.clk};
    assign FCLKRESETN = {3'b000, processor_bench.reset_n};
    assign processor_bench.interrupt = IRQF2P[0];

    assign MAXIGP0AWID = processor_bench.gp_awid;
    assign MAXIGP0AWADDR = processor_bench.gp_awaddr;
    assign MAXIGP0AWLEN = processor_bench.gp_awlen;
    assign MAXIGP0AWSIZE = processor_bench.gp_awsize;
    assign MAXIGP0AWBURST = processor_bench.gp_awburst;
    assign MAXIGP0AWVALID = processor_bench.gp_awvalid;
    assign processor_bench.gp_awready = MAXIGP0AWREADY;
    assign MAXIGP0WDATA = processor_bench.gp_wdata;
    assign MAXIGP0WSTRB = processor_bench.gp_wstrb;
    assign MAXIGP0WLAST = processor_bench.gp_wlast;
    assign MAXIGP0WVALID = processor_bench.gp_wvalid;
    assign processor_bench.gp_wready = MAXIGP0WREADY;
    assign processor_bench.gp_bid = MAXIGP0BID;
    assign processor_bench.gp_bresp = MAXIGP0BRESP;
    assign processor_bench.gp_bvalid = MAXIGP0BVALID;
    assign MAXIGP0BREADY = processor_bench.gp_bready;
    assign MAXIGP0ARID = processor_bench.gp_arid;
    assign MAXIGP0ARADDR = processor_bench.gp_araddr;
    assign MAXIGP0ARLEN = processor_bench.gp_arlen;
    assign MAXIGP0ARSIZE = processor_bench.gp_arsize;
    assign MAXIGP0ARBURST = processor_bench.gp_arburst;
    assign MAXIGP0ARVALID = processor_bench.gp_arvalid;
    assign processor_bench.gp_arready = MAXIGP0ARREADY;
    assign processor_bench.gp_rid = MAXIGP0RID;
    assign processor_bench.gp_rdata = MAXIGP0RDATA;
    assign processor_bench.gp_rresp = MAXIGP0RRESP;
    assign processor_bench.gp_rlast = MAXIGP0RLAST;
    assign processor_bench.gp_rvalid = MAXIGP0RVALID;
    assign MAXIGP0RREADY = processor_bench.gp_rready;

    // AXI4's widths; bits that AXI3 lacks are zero.
    assign processor_bench.hp_awid = SAXIHP0AWID;
    assign processor_bench.hp_awaddr = SAXIHP0AWADDR;
    assign processor_bench.hp_awlen = {4'd0, SAXIHP0AWLEN};
    assign processor_bench.hp_awsize = {1'b0, SAXIHP0AWSIZE};
    assign processor_bench.hp_awburst = SAXIHP0AWBURST;
    assign processor_bench.hp_awvalid = SAXIHP0AWVALID;
    assign SAXIHP0AWREADY = processor_bench.hp_awready;
    assign processor_bench.hp_wdata = SAXIHP0WDATA;
    assign processor_bench.hp_wstrb = SAXIHP0WSTRB;
    assign processor_bench.hp_wlast = SAXIHP0WLAST;
    assign processor_bench.hp_wvalid = SAXIHP0WVALID;
    assign SAXIHP0WREADY = processor_bench.hp_wready;
    assign SAXIHP0BRESP = processor_bench.hp_bresp;
    assign SAXIHP0BVALID = processor_bench.hp_bvalid;
    assign processor_bench.hp_bready = SAXIHP0BREADY;
    assign processor_bench.hp_arid = SAXIHP0ARID;
    assign processor_bench.hp_araddr = SAXIHP0ARADDR;
    assign processor_bench.hp_arlen = {4'd0, SAXIHP0ARLEN};
    assign processor_bench.hp_arsize = {1'b0, SAXIHP0ARSIZE};
    assign processor_bench.hp_arburst = SAXIHP0ARBURST;
    assign processor_bench.hp_arvalid = SAXIHP0ARVALID;
    assign SAXIHP0ARREADY = processor_bench.hp_arready;
    assign SAXIHP0RDATA = processor_bench.hp_rdata;
    assign SAXIHP0RRESP = processor_bench.hp_rresp;
    assign SAXIHP0RLAST = processor_bench.hp_rlast;
    assign SAXIHP0RVALID = processor_bench.hp_rvalid;
    assign processor_bench.hp_rready = SAXIHP0RREADY;
endmodule

// A board that breaks AXI4, for the tests of the simulated board's memory. Writing register 4 * k
// causes fault k; writing register 0 causes a correct read.

module irnet_board (
    // the clock of the whole design
    input  logic aclk,
    // synchronous, active low
    input  logic aresetn,
    // level, active high
    output logic interrupt,
    // AXI4-Lite: registers
    input  logic [11:0] s_axi_awaddr,
    input  logic [2:0] s_axi_awprot,
    input  logic s_axi_awvalid,
    output logic s_axi_awready,
    input  logic [31:0] s_axi_wdata,
    input  logic [3:0] s_axi_wstrb,
    input  logic s_axi_wvalid,
    output logic s_axi_wready,
    output logic [1:0] s_axi_bresp,
    output logic s_axi_bvalid,
    input  logic s_axi_bready,
    input  logic [11:0] s_axi_araddr,
    input  logic [2:0] s_axi_arprot,
    input  logic s_axi_arvalid,
    output logic s_axi_arready,
    output logic [31:0] s_axi_rdata,
    output logic [1:0] s_axi_rresp,
    output logic s_axi_rvalid,
    input  logic s_axi_rready,
    // AXI4: memory
    output logic [31:0] m_axi_awaddr,
    output logic [7:0] m_axi_awlen,
    output logic [2:0] m_axi_awsize,
    output logic [1:0] m_axi_awburst,
    output logic m_axi_awlock,
    output logic [3:0] m_axi_awcache,
    output logic [2:0] m_axi_awprot,
    output logic [3:0] m_axi_awqos,
    output logic m_axi_awvalid,
    input  logic m_axi_awready,
    output logic [63:0] m_axi_wdata,
    output logic [7:0] m_axi_wstrb,
    output logic m_axi_wlast,
    output logic m_axi_wvalid,
    input  logic m_axi_wready,
    input  logic [1:0] m_axi_bresp,
    input  logic m_axi_bvalid,
    output logic m_axi_bready,
    output logic [31:0] m_axi_araddr,
    output logic [7:0] m_axi_arlen,
    output logic [2:0] m_axi_arsize,
    output logic [1:0] m_axi_arburst,
    output logic m_axi_arlock,
    output logic [3:0] m_axi_arcache,
    output logic [2:0] m_axi_arprot,
    output logic [3:0] m_axi_arqos,
    output logic m_axi_arvalid,
    input  logic m_axi_arready,
    input  logic [63:0] m_axi_rdata,
    input  logic [1:0] m_axi_rresp,
    input  logic m_axi_rlast,
    input  logic m_axi_rvalid,
    output logic m_axi_rready
);

    localparam logic [9:0] CROSSES = 1, LONG = 2, FIXED = 3, UNALIGNED = 4, WITHDRAWS = 5;
    localparam logic [9:0] EARLY_LAST = 6, NO_LAST = 7, FLICKERS = 8;

    logic [9:0] fault;
    logic going, tick;

    // Registers: everything is taken and reads 0.
    assign s_axi_awready = s_axi_awvalid && s_axi_wvalid && !s_axi_bvalid;
    assign s_axi_wready  = s_axi_awready;
    assign s_axi_bresp   = '0;
    assign s_axi_arready = !s_axi_rvalid;
    assign s_axi_rdata   = '0;
    assign s_axi_rresp   = '0;
    assign interrupt     = 1'b0;

    always_ff @(posedge aclk) begin
        tick <= !tick;
        if (!aresetn) begin
            s_axi_bvalid <= 1'b0;
            s_axi_rvalid <= 1'b0;
            fault        <= '0;
            going        <= 1'b0;
            tick         <= 1'b0;
        end else begin
            if (s_axi_awready) {going, fault} <= {1'b1, s_axi_awaddr[11:2]};
            s_axi_bvalid <= s_axi_awready || (s_axi_bvalid && !s_axi_bready);
            s_axi_rvalid <= (s_axi_arvalid && s_axi_arready) || (s_axi_rvalid && !s_axi_rready);
        end
    end

    // Reads go on and on; with WITHDRAWS no data are taken, until nothing more is asked for.
    assign m_axi_araddr  = fault == CROSSES ? 32'h1000_0ff8
                         : fault == UNALIGNED ? 32'h1000_0004
                         : fault == WITHDRAWS && tick ? 32'h1000_0040 : 32'h1000_0000;
    assign m_axi_arlen   = fault == LONG ? 8'd31 : 8'd1;
    assign m_axi_arburst = fault == FIXED ? 2'b00 : 2'b01;
    assign m_axi_arvalid = going && fault < EARLY_LAST;
    assign m_axi_rready  = fault != WITHDRAWS;
    assign m_axi_arsize  = 3'b011;
    assign {m_axi_arlock, m_axi_arcache, m_axi_arprot, m_axi_arqos} = '0;

    // Writes: bursts of two beats, or of one, or data to which no address comes.
    assign m_axi_awaddr  = 32'h1000_0000;
    assign m_axi_awlen   = fault == EARLY_LAST ? 8'd1 : 8'd0;
    assign m_axi_awburst = 2'b01;
    assign m_axi_awvalid = going && (fault == EARLY_LAST || fault == NO_LAST);
    assign m_axi_wdata   = {64{tick && fault == FLICKERS}};
    assign m_axi_wstrb   = '1;
    assign m_axi_wlast   = fault == EARLY_LAST;
    assign m_axi_wvalid  = going && fault >= EARLY_LAST;
    assign m_axi_bready  = 1'b1;
    assign m_axi_awsize  = 3'b011;
    assign {m_axi_awlock, m_axi_awcache, m_axi_awprot, m_axi_awqos} = '0;

endmodule

// Top module of the PYNQ-Z2 for the open tools, which have no block designs: the processor (PS7),
// its clock FCLK0 for the whole fabric, its port GP0 to the accelerator's registers, the
// accelerator's master port to the memory port HP0, and the interrupt on IRQ_F2P[0]. It has no
// pins: a bitstream holds neither the processor's pins nor its settings (memory, clocks). The boot
// loader and Linux have made those before; the runtime sets the rate of FCLK0.

module openxc7_top;

    logic [3:0]  fclk_clk, fclk_reset_n;
    logic        aclk, aresetn, interrupt;

    BUFG clock (.I(fclk_clk[0]), .O(aclk));

    // Released 16 cycles after the processor's reset. Flip-flops power up with their initial
    // values.
    logic [15:0] released = 16'd0;
    always_ff @(posedge aclk or negedge fclk_reset_n[0]) begin
        if (!fclk_reset_n[0]) released <= 16'd0;
        else released <= {released[14:0], 1'b1};
    end
    assign aresetn = released[15];

    logic [11:0] gp_awid, gp_bid, gp_arid, gp_rid;
    logic [31:0] gp_awaddr, gp_wdata, gp_araddr, gp_rdata;
    logic [3:0]  gp_awlen, gp_wstrb, gp_arlen;
    logic [1:0]  gp_awsize, gp_awburst, gp_bresp, gp_arsize, gp_arburst, gp_rresp;
    logic        gp_awvalid, gp_awready, gp_wlast, gp_wvalid, gp_wready, gp_bvalid, gp_bready;
    logic        gp_arvalid, gp_arready, gp_rlast, gp_rvalid, gp_rready;

    logic [11:0] s_axi_awaddr, s_axi_araddr;
    logic [31:0] s_axi_wdata, s_axi_rdata;
    logic [3:0]  s_axi_wstrb;
    logic [2:0]  s_axi_awprot, s_axi_arprot;
    logic [1:0]  s_axi_bresp, s_axi_rresp;
    logic        s_axi_awvalid, s_axi_awready, s_axi_wvalid, s_axi_wready;
    logic        s_axi_bvalid, s_axi_bready;
    logic        s_axi_arvalid, s_axi_arready, s_axi_rvalid, s_axi_rready;

    gp_to_axi_lite control (
        .clk(aclk),
        .rst_n(aresetn),
        .gp_awid(gp_awid),
        .gp_awaddr(gp_awaddr),
        .gp_awlen(gp_awlen),
        .gp_awsize(gp_awsize),
        .gp_awburst(gp_awburst),
        .gp_awvalid(gp_awvalid),
        .gp_awready(gp_awready),
        .gp_wdata(gp_wdata),
        .gp_wstrb(gp_wstrb),
        .gp_wlast(gp_wlast),
        .gp_wvalid(gp_wvalid),
        .gp_wready(gp_wready),
        .gp_bid(gp_bid),
        .gp_bresp(gp_bresp),
        .gp_bvalid(gp_bvalid),
        .gp_bready(gp_bready),
        .gp_arid(gp_arid),
        .gp_araddr(gp_araddr),
        .gp_arlen(gp_arlen),
        .gp_arsize(gp_arsize),
        .gp_arburst(gp_arburst),
        .gp_arvalid(gp_arvalid),
        .gp_arready(gp_arready),
        .gp_rid(gp_rid),
        .gp_rdata(gp_rdata),
        .gp_rresp(gp_rresp),
        .gp_rlast(gp_rlast),
        .gp_rvalid(gp_rvalid),
        .gp_rready(gp_rready),
        .lite_awaddr(s_axi_awaddr),
        .lite_awprot(s_axi_awprot),
        .lite_awvalid(s_axi_awvalid),
        .lite_awready(s_axi_awready),
        .lite_wdata(s_axi_wdata),
        .lite_wstrb(s_axi_wstrb),
        .lite_wvalid(s_axi_wvalid),
        .lite_wready(s_axi_wready),
        .lite_bresp(s_axi_bresp),
        .lite_bvalid(s_axi_bvalid),
        .lite_bready(s_axi_bready),
        .lite_araddr(s_axi_araddr),
        .lite_arprot(s_axi_arprot),
        .lite_arvalid(s_axi_arvalid),
        .lite_arready(s_axi_arready),
        .lite_rdata(s_axi_rdata),
        .lite_rresp(s_axi_rresp),
        .lite_rvalid(s_axi_rvalid),
        .lite_rready(s_axi_rready)
    );

    // HP0 is AXI3: bursts have at most 16 beats, and so do the accelerator's, so the low 4 bits of
    // len suffice. size has two bits. lock has two as well, but the upper one is never set.
    logic [31:0] m_axi_awaddr, m_axi_araddr;
    logic [7:0]  m_axi_awlen, m_axi_arlen, m_axi_wstrb;
    logic [3:0]  m_axi_awcache, m_axi_awqos, m_axi_arcache, m_axi_arqos;
    logic [2:0]  m_axi_awsize, m_axi_awprot, m_axi_arsize, m_axi_arprot;
    logic [1:0]  m_axi_awburst, m_axi_bresp, m_axi_arburst, m_axi_rresp;
    logic [63:0] m_axi_wdata, m_axi_rdata;
    logic        m_axi_awlock, m_axi_awvalid, m_axi_awready, m_axi_wlast, m_axi_wvalid;
    logic        m_axi_wready, m_axi_bvalid, m_axi_bready, m_axi_arlock, m_axi_arvalid;
    logic        m_axi_arready, m_axi_rlast, m_axi_rvalid, m_axi_rready;

    irnet_board board (
        .aclk(aclk),
        .aresetn(aresetn),
        .interrupt(interrupt),
        .s_axi_awaddr(s_axi_awaddr),
        .s_axi_awprot(s_axi_awprot),
        .s_axi_awvalid(s_axi_awvalid),
        .s_axi_awready(s_axi_awready),
        .s_axi_wdata(s_axi_wdata),
        .s_axi_wstrb(s_axi_wstrb),
        .s_axi_wvalid(s_axi_wvalid),
        .s_axi_wready(s_axi_wready),
        .s_axi_bresp(s_axi_bresp),
        .s_axi_bvalid(s_axi_bvalid),
        .s_axi_bready(s_axi_bready),
        .s_axi_araddr(s_axi_araddr),
        .s_axi_arprot(s_axi_arprot),
        .s_axi_arvalid(s_axi_arvalid),
        .s_axi_arready(s_axi_arready),
        .s_axi_rdata(s_axi_rdata),
        .s_axi_rresp(s_axi_rresp),
        .s_axi_rvalid(s_axi_rvalid),
        .s_axi_rready(s_axi_rready),
        .m_axi_awaddr(m_axi_awaddr),
        .m_axi_awlen(m_axi_awlen),
        .m_axi_awsize(m_axi_awsize),
        .m_axi_awburst(m_axi_awburst),
        .m_axi_awlock(m_axi_awlock),
        .m_axi_awcache(m_axi_awcache),
        .m_axi_awprot(m_axi_awprot),
        .m_axi_awqos(m_axi_awqos),
        .m_axi_awvalid(m_axi_awvalid),
        .m_axi_awready(m_axi_awready),
        .m_axi_wdata(m_axi_wdata),
        .m_axi_wstrb(m_axi_wstrb),
        .m_axi_wlast(m_axi_wlast),
        .m_axi_wvalid(m_axi_wvalid),
        .m_axi_wready(m_axi_wready),
        .m_axi_bresp(m_axi_bresp),
        .m_axi_bvalid(m_axi_bvalid),
        .m_axi_bready(m_axi_bready),
        .m_axi_araddr(m_axi_araddr),
        .m_axi_arlen(m_axi_arlen),
        .m_axi_arsize(m_axi_arsize),
        .m_axi_arburst(m_axi_arburst),
        .m_axi_arlock(m_axi_arlock),
        .m_axi_arcache(m_axi_arcache),
        .m_axi_arprot(m_axi_arprot),
        .m_axi_arqos(m_axi_arqos),
        .m_axi_arvalid(m_axi_arvalid),
        .m_axi_arready(m_axi_arready),
        .m_axi_rdata(m_axi_rdata),
        .m_axi_rresp(m_axi_rresp),
        .m_axi_rlast(m_axi_rlast),
        .m_axi_rvalid(m_axi_rvalid),
        .m_axi_rready(m_axi_rready)
    );

    // Inputs that are not connected here belong to unused ports; the tools tie them low.
    (* keep *) PS7 processor (
        .FCLKCLK(fclk_clk),
        .FCLKRESETN(fclk_reset_n),
        .IRQF2P({19'd0, interrupt}),
        .MAXIGP0ACLK(aclk),
        .MAXIGP0AWID(gp_awid),
        .MAXIGP0AWADDR(gp_awaddr),
        .MAXIGP0AWLEN(gp_awlen),
        .MAXIGP0AWSIZE(gp_awsize),
        .MAXIGP0AWBURST(gp_awburst),
        .MAXIGP0AWVALID(gp_awvalid),
        .MAXIGP0AWREADY(gp_awready),
        .MAXIGP0WDATA(gp_wdata),
        .MAXIGP0WSTRB(gp_wstrb),
        .MAXIGP0WLAST(gp_wlast),
        .MAXIGP0WVALID(gp_wvalid),
        .MAXIGP0WREADY(gp_wready),
        .MAXIGP0BID(gp_bid),
        .MAXIGP0BRESP(gp_bresp),
        .MAXIGP0BVALID(gp_bvalid),
        .MAXIGP0BREADY(gp_bready),
        .MAXIGP0ARID(gp_arid),
        .MAXIGP0ARADDR(gp_araddr),
        .MAXIGP0ARLEN(gp_arlen),
        .MAXIGP0ARSIZE(gp_arsize),
        .MAXIGP0ARBURST(gp_arburst),
        .MAXIGP0ARVALID(gp_arvalid),
        .MAXIGP0ARREADY(gp_arready),
        .MAXIGP0RID(gp_rid),
        .MAXIGP0RDATA(gp_rdata),
        .MAXIGP0RRESP(gp_rresp),
        .MAXIGP0RLAST(gp_rlast),
        .MAXIGP0RVALID(gp_rvalid),
        .MAXIGP0RREADY(gp_rready),
        .SAXIHP0ACLK(aclk),
        .SAXIHP0RDISSUECAP1EN(1'b0),
        .SAXIHP0WRISSUECAP1EN(1'b0),
        .SAXIHP0AWID(6'd0),
        .SAXIHP0AWADDR(m_axi_awaddr),
        .SAXIHP0AWLEN(m_axi_awlen[3:0]),
        .SAXIHP0AWSIZE(m_axi_awsize[1:0]),
        .SAXIHP0AWBURST(m_axi_awburst),
        .SAXIHP0AWLOCK({1'b0, m_axi_awlock}),
        .SAXIHP0AWCACHE(m_axi_awcache),
        .SAXIHP0AWPROT(m_axi_awprot),
        .SAXIHP0AWQOS(m_axi_awqos),
        .SAXIHP0AWVALID(m_axi_awvalid),
        .SAXIHP0AWREADY(m_axi_awready),
        .SAXIHP0WID(6'd0),
        .SAXIHP0WDATA(m_axi_wdata),
        .SAXIHP0WSTRB(m_axi_wstrb),
        .SAXIHP0WLAST(m_axi_wlast),
        .SAXIHP0WVALID(m_axi_wvalid),
        .SAXIHP0WREADY(m_axi_wready),
        .SAXIHP0BRESP(m_axi_bresp),
        .SAXIHP0BVALID(m_axi_bvalid),
        .SAXIHP0BREADY(m_axi_bready),
        .SAXIHP0ARID(6'd0),
        .SAXIHP0ARADDR(m_axi_araddr),
        .SAXIHP0ARLEN(m_axi_arlen[3:0]),
        .SAXIHP0ARSIZE(m_axi_arsize[1:0]),
        .SAXIHP0ARBURST(m_axi_arburst),
        .SAXIHP0ARLOCK({1'b0, m_axi_arlock}),
        .SAXIHP0ARCACHE(m_axi_arcache),
        .SAXIHP0ARPROT(m_axi_arprot),
        .SAXIHP0ARQOS(m_axi_arqos),
        .SAXIHP0ARVALID(m_axi_arvalid),
        .SAXIHP0ARREADY(m_axi_arready),
        .SAXIHP0RDATA(m_axi_rdata),
        .SAXIHP0RRESP(m_axi_rresp),
        .SAXIHP0RLAST(m_axi_rlast),
        .SAXIHP0RVALID(m_axi_rvalid),
        .SAXIHP0RREADY(m_axi_rready)
    );

endmodule

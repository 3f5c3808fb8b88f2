// Whatever the shell offers stays unchanged until it is taken: to the memory, to the driver, and to
// the accelerator unless that is reset; a soft reset withdraws nothing. Bursts in flight never
// exceed their limit. The contents of memories and registers are arbitrary in this proof.

module shell_proof #(
    parameter int ADDRESS_BITS = 32,
    parameter int IN_BYTES = 3,
    parameter int IN_BEATS = 1024,
    parameter int OUT_LANES = 1,
    parameter int OUT_BITS = 19,
    parameter int OUT_BEATS = 10,
    parameter int OUT_TDATA_BITS = 24
) (
    input logic                      aclk,
    input logic                      aresetn,
    input logic [11:0]               s_axi_awaddr,
    input logic                      s_axi_awvalid,
    input logic [31:0]               s_axi_wdata,
    input logic [3:0]                s_axi_wstrb,
    input logic                      s_axi_wvalid,
    input logic                      s_axi_bready,
    input logic [11:0]               s_axi_araddr,
    input logic                      s_axi_arvalid,
    input logic                      s_axi_rready,
    input logic                      m_axi_awready,
    input logic                      m_axi_wready,
    input logic [1:0]                m_axi_bresp,
    input logic                      m_axi_bvalid,
    input logic                      m_axi_arready,
    input logic [63:0]               m_axi_rdata,
    input logic [1:0]                m_axi_rresp,
    input logic                      m_axi_rlast,
    input logic                      m_axi_rvalid,
    input logic                      in_tready,
    input logic [OUT_TDATA_BITS-1:0] out_tdata,
    input logic                      out_tvalid
);

    logic        interrupt, s_axi_awready, s_axi_wready, s_axi_bvalid, s_axi_arready, s_axi_rvalid;
    logic [1:0]  s_axi_bresp, s_axi_rresp;
    logic [31:0] s_axi_rdata;
    logic [ADDRESS_BITS-1:0] m_axi_awaddr, m_axi_araddr;
    logic [7:0]  m_axi_awlen, m_axi_arlen, m_axi_wstrb;
    logic [2:0]  m_axi_awsize, m_axi_arsize, m_axi_awprot, m_axi_arprot;
    logic [1:0]  m_axi_awburst, m_axi_arburst;
    logic [3:0]  m_axi_awcache, m_axi_arcache, m_axi_awqos, m_axi_arqos;
    logic [63:0] m_axi_wdata;
    logic        m_axi_awlock, m_axi_arlock, m_axi_awvalid, m_axi_arvalid, m_axi_wlast;
    logic        m_axi_wvalid, m_axi_bready, m_axi_rready, acc_rst_n, in_tvalid, out_tready;
    logic [8*IN_BYTES-1:0] in_tdata;

    irnet_shell #(
        .ADDRESS_BITS   (ADDRESS_BITS),
        .IN_BYTES       (IN_BYTES),
        .IN_BEATS       (IN_BEATS),
        .OUT_LANES      (OUT_LANES),
        .OUT_BITS       (OUT_BITS),
        .OUT_BEATS      (OUT_BEATS),
        .OUT_TDATA_BITS (OUT_TDATA_BITS)
    ) dut (.s_axi_awprot(3'd0), .s_axi_arprot(3'd0), .*);

    logic aw_waited, w_waited, ar_waited, b_waited, r_waited, in_waited;
    logic [ADDRESS_BITS+7:0] aw, ar, aw_offered, ar_offered;
    logic [72:0] w, w_offered;
    logic [33:0] r, r_offered;
    logic [1:0]  b_offered;
    logic [8*IN_BYTES-1:0] in_offered;

    assign aw = {m_axi_awaddr, m_axi_awlen};
    assign ar = {m_axi_araddr, m_axi_arlen};
    assign w = {m_axi_wdata, m_axi_wstrb, m_axi_wlast};
    assign r = {s_axi_rdata, s_axi_rresp};

    always_ff @(posedge aclk) begin
        aw_waited  <= aresetn && m_axi_awvalid && !m_axi_awready;
        ar_waited  <= aresetn && m_axi_arvalid && !m_axi_arready;
        w_waited   <= aresetn && m_axi_wvalid && !m_axi_wready;
        b_waited   <= aresetn && s_axi_bvalid && !s_axi_bready;
        r_waited   <= aresetn && s_axi_rvalid && !s_axi_rready;
        in_waited  <= aresetn && acc_rst_n && in_tvalid && !in_tready;
        aw_offered <= aw;
        ar_offered <= ar;
        w_offered  <= w;
        b_offered  <= s_axi_bresp;
        r_offered  <= r;
        in_offered <= in_tdata;
    end

    int reading, writing, owed, sending;
    assign reading = int'(dut.reader.in_flight);
    assign writing = int'(dut.writer.in_flight);
    assign owed = int'(dut.reader.owing.held) + int'(dut.reader.owed);
    assign sending = int'(dut.writer.sending.held) + int'(dut.writer.send)
        + int'(m_axi_wvalid && m_axi_wlast);

    always_comb begin
        if (aresetn) begin
            if (aw_waited) assert (m_axi_awvalid && aw == aw_offered);
            if (ar_waited) assert (m_axi_arvalid && ar == ar_offered);
            if (w_waited) assert (m_axi_wvalid && w == w_offered);
            if (b_waited) assert (s_axi_bvalid && s_axi_bresp == b_offered);
            if (r_waited) assert (s_axi_rvalid && r == r_offered);
            if (in_waited && acc_rst_n) assert (in_tvalid && in_tdata == in_offered);
            assert (m_axi_rready && m_axi_bready);
            // Transfers under way are counted, so the DMA is not reset before they end.
            assert (reading == int'(m_axi_arvalid) + owed && reading <= 8);
            assert (writing == int'(m_axi_awvalid) + int'(dut.writer.addresses) && writing <= 8);
            assert (writing == sending + int'(dut.writer.bursts));
            assert (dut.writer.expected
                    == (dut.writer.addresses != '0 && dut.writer.bursts != '0));
            assert (!dut.reader.may_issue || reading < 8);
            assert (!dut.writer.may_issue || writing < 8);
            assert (dut.writer.beat <= dut.writer.send_len || !dut.writer.send);
            if (!dut.writer.send) assert (dut.writer.beat == '0);
            if (m_axi_wvalid)
                assert (m_axi_wlast == (!dut.writer.send || dut.writer.beat == '0));
            if (dut.resets.quiet) assert (reading == 0 && writing == 0 && !m_axi_wvalid);
            if (dut.resets.quiet) assert (dut.resets.begun);
        end
    end

endmodule

// The shell around an accelerator whose values follow from its input: it outputs a frame's bits, in
// order, as values of OUT_BITS. It holds some beats, and can be made to break its stream. For the
// models of cocotbext-axi, the memory bus has IDs, all 0.

module converting_board #(
    parameter int ADDRESS_BITS = 32,
    parameter int IN_BYTES = 3,
    parameter int IN_BEATS = 5,
    parameter int OUT_LANES = 1,
    parameter int OUT_BITS = 8,
    parameter int OUT_BEATS = 15,
    parameter int OUT_TDATA_BITS = 8,
    parameter int HELD = 16,                 // beats that the accelerator holds, at least 2
    parameter logic [127:0] IDENTITY = 128'h0f0e0d0c0b0a09080706050403020100
) (
    input  logic                      aclk,
    input  logic                      aresetn,
    output logic                      interrupt,

    input  logic [11:0]               s_axi_awaddr,
    input  logic [2:0]                s_axi_awprot,
    input  logic                      s_axi_awvalid,
    output logic                      s_axi_awready,
    input  logic [31:0]               s_axi_wdata,
    input  logic [3:0]                s_axi_wstrb,
    input  logic                      s_axi_wvalid,
    output logic                      s_axi_wready,
    output logic [1:0]                s_axi_bresp,
    output logic                      s_axi_bvalid,
    input  logic                      s_axi_bready,
    input  logic [11:0]               s_axi_araddr,
    input  logic [2:0]                s_axi_arprot,
    input  logic                      s_axi_arvalid,
    output logic                      s_axi_arready,
    output logic [31:0]               s_axi_rdata,
    output logic [1:0]                s_axi_rresp,
    output logic                      s_axi_rvalid,
    input  logic                      s_axi_rready,

    output logic                      m_axi_awid,
    output logic [ADDRESS_BITS-1:0]   m_axi_awaddr,
    output logic [7:0]                m_axi_awlen,
    output logic [2:0]                m_axi_awsize,
    output logic [1:0]                m_axi_awburst,
    output logic                      m_axi_awlock,
    output logic [3:0]                m_axi_awcache,
    output logic [2:0]                m_axi_awprot,
    output logic [3:0]                m_axi_awqos,
    output logic                      m_axi_awvalid,
    input  logic                      m_axi_awready,
    output logic [63:0]               m_axi_wdata,
    output logic [7:0]                m_axi_wstrb,
    output logic                      m_axi_wlast,
    output logic                      m_axi_wvalid,
    input  logic                      m_axi_wready,
    input  logic                      m_axi_bid,
    input  logic [1:0]                m_axi_bresp,
    input  logic                      m_axi_bvalid,
    output logic                      m_axi_bready,
    output logic                      m_axi_arid,
    output logic [ADDRESS_BITS-1:0]   m_axi_araddr,
    output logic [7:0]                m_axi_arlen,
    output logic [2:0]                m_axi_arsize,
    output logic [1:0]                m_axi_arburst,
    output logic                      m_axi_arlock,
    output logic [3:0]                m_axi_arcache,
    output logic [2:0]                m_axi_arprot,
    output logic [3:0]                m_axi_arqos,
    output logic                      m_axi_arvalid,
    input  logic                      m_axi_arready,
    input  logic                      m_axi_rid,
    input  logic [63:0]               m_axi_rdata,
    input  logic [1:0]                m_axi_rresp,
    input  logic                      m_axi_rlast,
    input  logic                      m_axi_rvalid,
    output logic                      m_axi_rready,

    input  logic                      withdraw,       // withdraw the accelerator's beat
    input  logic                      change,         // change the accelerator's beat
    output logic                      acc_rst_n,
    output logic [8*IN_BYTES-1:0]     in_tdata,
    output logic                      in_tvalid,
    output logic                      in_tready,
    output logic [OUT_TDATA_BITS-1:0] out_tdata,
    output logic                      out_tvalid,
    output logic                      out_tready,
    output logic [16:0]               handshakes      // all handshakes, to be read at once
);

    assign handshakes = {
        m_axi_rready && m_axi_bready, aresetn, acc_rst_n, s_axi_bvalid, m_axi_bvalid,
        m_axi_rlast, m_axi_rvalid, out_tready, out_tvalid, in_tready, in_tvalid,
        m_axi_arready, m_axi_arvalid, m_axi_wready, m_axi_wvalid, m_axi_awready, m_axi_awvalid
    };

    assign m_axi_awid = 1'b0;
    assign m_axi_arid = 1'b0;
    logic unused;
    assign unused = ^{m_axi_bid, m_axi_rid};

    irnet_shell #(
        .ADDRESS_BITS   (ADDRESS_BITS),
        .IN_BYTES       (IN_BYTES),
        .IN_BEATS       (IN_BEATS),
        .OUT_LANES      (OUT_LANES),
        .OUT_BITS       (OUT_BITS),
        .OUT_BEATS      (OUT_BEATS),
        .OUT_TDATA_BITS (OUT_TDATA_BITS),
        .IDENTITY       (IDENTITY)
    ) shell (.*);

    function automatic int divisor(input int a, input int b);
        return b == 0 ? a : divisor(b, a % b);
    endfunction

    localparam int IN = 8 * IN_BYTES, OUT = OUT_LANES * OUT_BITS;
    localparam int W = divisor(IN, OUT);

    logic [OUT-1:0] bits, kept;
    logic           bits_valid, bits_ready, kept_valid;

    width_converter #(.W(W), .IN(IN / W), .OUT(OUT / W)) converter (
        .clk       (aclk),
        .rst_n     (acc_rst_n),
        .in_data   (in_tdata),
        .in_valid  (in_tvalid),
        .in_ready  (in_tready),
        .out_data  (bits),
        .out_valid (bits_valid),
        .out_ready (bits_ready)
    );

    stream_fifo #(.W(OUT), .DEPTH(HELD)) fifo (
        .clk       (aclk),
        .rst_n     (acc_rst_n),
        .in_data   (bits),
        .in_valid  (bits_valid),
        .in_ready  (bits_ready),
        .out_data  (kept),
        .out_valid (kept_valid),
        .out_ready (out_tready && !withdraw)
    );

    assign out_tdata = OUT_TDATA_BITS'(kept) ^ OUT_TDATA_BITS'(change);
    assign out_tvalid = kept_valid && !withdraw;

endmodule

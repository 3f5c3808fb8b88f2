// Shell: connects a stitched accelerator to a board. A driver describes batches of frames in
// registers (AXI4-Lite); the shell reads the frames from memory (AXI4), streams them through the
// accelerator and writes its values back. Register map: control_registers.sv.
//
// In memory, the frames of a batch lie back to back, IN_BYTES * IN_BEATS bytes each, in the order
// of the stream. So do the values, as 32-bit little-endian integers. Both addresses are multiples
// of 8. Reads are of whole 64-bit words; nothing is written beyond the last value.
//
// Bursts are INCR, have at most 16 beats and cross no multiple of 128 bytes; up to 8 reads and 8
// writes are in flight. AXI3 ports take them as they are. Write data may precede its address, as
// AXI allows.
//
// After a bus error, the shell issues no further bursts until a soft reset. Batches that are
// unfinished by then are lost.

module irnet_shell #(
    parameter int ADDRESS_BITS = 32,         // of the memory's addresses, 32 to 64
    parameter int IN_BYTES = 3,              // of an input beat of the accelerator
    parameter int IN_BEATS = 1024,           // input beats of a frame
    parameter int OUT_LANES = 1,             // values of an output beat
    parameter int OUT_BITS = 16,             // bits of a value, signed, 1 to 32
    parameter int OUT_BEATS = 10,            // output beats of a frame
    parameter int OUT_TDATA_BITS = 16,       // bits of an output beat, with padding
    parameter logic [127:0] IDENTITY = '0    // of the accelerator, its first byte lowest
) (
    input  logic                      aclk,
    input  logic                      aresetn,        // synchronous, active low
    output logic                      interrupt,      // level, active high

    input  logic [11:0]               s_axi_awaddr,   // registers
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

    output logic [ADDRESS_BITS-1:0]   m_axi_awaddr,   // memory
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
    input  logic [1:0]                m_axi_bresp,
    input  logic                      m_axi_bvalid,
    output logic                      m_axi_bready,
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
    input  logic [63:0]               m_axi_rdata,
    input  logic [1:0]                m_axi_rresp,
    input  logic                      m_axi_rlast,
    input  logic                      m_axi_rvalid,
    output logic                      m_axi_rready,

    output logic                      acc_rst_n,      // the accelerator; synchronous, active low
    output logic [8*IN_BYTES-1:0]     in_tdata,       // the first byte lowest
    output logic                      in_tvalid,
    input  logic                      in_tready,
    input  logic [OUT_TDATA_BITS-1:0] out_tdata,      // the first value lowest
    input  logic                      out_tvalid,
    output logic                      out_tready
);

    if (ADDRESS_BITS < 32 || ADDRESS_BITS > 64) begin : check_address_bits
        $error("irnet_shell: ADDRESS_BITS = %0d, must be from 32 to 64", ADDRESS_BITS);
    end
    if (IN_BYTES < 1) begin : check_in_bytes
        $error("irnet_shell: IN_BYTES = %0d, must be at least 1", IN_BYTES);
    end

    localparam int CAPACITY = 4;
    localparam int BURSTS = 8;
    localparam int QUEUED_BITS = $clog2(CAPACITY + 1);

    // Bytes of a slice: the largest number that divides both a word and an input beat.
    localparam int SLICE = IN_BYTES % 8 == 0 ? 8 : IN_BYTES % 4 == 0 ? 4 : IN_BYTES % 2 == 0 ? 2 : 1;
    localparam int SLICES = 8 / SLICE;
    localparam int COUNT_BITS = $clog2(SLICES + 1);

    // Every burst is of whole words at consecutive addresses: normal memory, no exclusive access.
    assign m_axi_awsize  = 3'b011;
    assign m_axi_awburst = 2'b01;
    assign m_axi_awlock  = 1'b0;
    assign m_axi_awcache = 4'b0011;
    assign m_axi_awprot  = 3'b000;
    assign m_axi_awqos   = 4'b0000;
    assign m_axi_arsize  = 3'b011;
    assign m_axi_arburst = 2'b01;
    assign m_axi_arlock  = 1'b0;
    assign m_axi_arcache = 4'b0011;
    assign m_axi_arprot  = 3'b000;
    assign m_axi_arqos   = 4'b0000;
    // There is always room for what was requested.
    assign m_axi_rready  = 1'b1;
    assign m_axi_bready  = 1'b1;
    logic [3:0] awlen, arlen;
    assign m_axi_awlen   = {4'd0, awlen};
    assign m_axi_arlen   = {4'd0, arlen};
    // OKAY and EXOKAY are the same here, and so are SLVERR and DECERR.
    logic unused;
    assign unused = ^{m_axi_rresp[0], m_axi_bresp[0]};

    // Reset.

    logic reset_request, resetting, flow_rst_n, dma_rst_n, read_busy, write_busy;

    reset_control resets (
        .clk        (aclk),
        .rst_n      (aresetn),
        .request    (reset_request),
        .busy       (read_busy || write_busy),
        .resetting  (resetting),
        .acc_rst_n  (acc_rst_n),
        .flow_rst_n (flow_rst_n),
        .dma_rst_n  (dma_rst_n)
    );

    // Errors.

    logic read_response_error, read_protocol_error, write_response_error, write_protocol_error;
    logic bus_error, halted, stop, stream_error, overrun, descriptor_error;

    assign bus_error = read_response_error || read_protocol_error
        || write_response_error || write_protocol_error;
    assign stop = halted || resetting;

    always_ff @(posedge aclk) begin
        if (!flow_rst_n) halted <= 1'b0;
        else if (bus_error) halted <= 1'b1;
    end

    // Registers.

    logic        reg_write_valid, reg_write_ready, reg_write_outside, reg_read_valid;
    logic        reg_read_outside;
    logic [9:0]  reg_write_word, reg_read_word;
    logic [31:0] reg_write_data, reg_write_mask, reg_read_data;
    logic        start, frames_changed, full, done;
    logic [63:0] source, target;
    logic [31:0] frames, frames_in, frames_out, latency, interval;
    logic [QUEUED_BITS-1:0] queued;
    logic        source_ready, target_ready;

    axi_lite_slave slave (
        .clk           (aclk),
        .rst_n         (aresetn),
        .s_axi_awaddr  (s_axi_awaddr),
        .s_axi_awprot  (s_axi_awprot),
        .s_axi_awvalid (s_axi_awvalid),
        .s_axi_awready (s_axi_awready),
        .s_axi_wdata   (s_axi_wdata),
        .s_axi_wstrb   (s_axi_wstrb),
        .s_axi_wvalid  (s_axi_wvalid),
        .s_axi_wready  (s_axi_wready),
        .s_axi_bresp   (s_axi_bresp),
        .s_axi_bvalid  (s_axi_bvalid),
        .s_axi_bready  (s_axi_bready),
        .s_axi_araddr  (s_axi_araddr),
        .s_axi_arprot  (s_axi_arprot),
        .s_axi_arvalid (s_axi_arvalid),
        .s_axi_arready (s_axi_arready),
        .s_axi_rdata   (s_axi_rdata),
        .s_axi_rresp   (s_axi_rresp),
        .s_axi_rvalid  (s_axi_rvalid),
        .s_axi_rready  (s_axi_rready),
        .write_valid   (reg_write_valid),
        .write_ready   (reg_write_ready),
        .write_word    (reg_write_word),
        .write_data    (reg_write_data),
        .write_mask    (reg_write_mask),
        .write_outside (reg_write_outside),
        .read_valid    (reg_read_valid),
        .read_word     (reg_read_word),
        .read_data     (reg_read_data),
        .read_outside  (reg_read_outside)
    );

    // Generated by python -m irnet_hw.verilog.register_map from artifact/registers.py.
    localparam int ERROR_READ_RESPONSE = 0;
    localparam int ERROR_WRITE_RESPONSE = 1;
    localparam int ERROR_STREAM = 2;
    localparam int ERROR_READ_PROTOCOL = 3;
    localparam int ERROR_WRITE_PROTOCOL = 4;
    localparam int ERROR_OVERRUN = 5;
    localparam int ERROR_DESCRIPTOR = 6;
    // End of generated code.

    logic [6:0] errors_seen;

    // Errors on the bus while a soft reset waits for its end concern nothing that goes on.
    assign errors_seen[ERROR_READ_RESPONSE] = read_response_error && !resetting;
    assign errors_seen[ERROR_WRITE_RESPONSE] = write_response_error && !resetting;
    assign errors_seen[ERROR_STREAM] = stream_error;
    assign errors_seen[ERROR_READ_PROTOCOL] = read_protocol_error && !resetting;
    assign errors_seen[ERROR_WRITE_PROTOCOL] = write_protocol_error && !resetting;
    assign errors_seen[ERROR_OVERRUN] = overrun;
    assign errors_seen[ERROR_DESCRIPTOR] = descriptor_error;

    control_registers #(
        .IDENTITY (IDENTITY),
        .CAPACITY (CAPACITY)
    ) registers (
        .clk            (aclk),
        .rst_n          (aresetn),
        .flow_rst_n     (flow_rst_n),
        .write_valid    (reg_write_valid),
        .write_ready    (reg_write_ready),
        .write_word     (reg_write_word),
        .write_data     (reg_write_data),
        .write_mask     (reg_write_mask),
        .write_outside  (reg_write_outside),
        .read_valid     (reg_read_valid),
        .read_word      (reg_read_word),
        .read_data      (reg_read_data),
        .read_outside   (reg_read_outside),
        .start          (start),
        .reset_request  (reset_request),
        .source         (source),
        .target         (target),
        .frames         (frames),
        .frames_changed (frames_changed),
        .lengths_ready  (source_ready && target_ready),
        .resetting      (resetting),
        .full           (full),
        .queued         (8'(queued)),
        .done           (done),
        .errors_seen    (errors_seen),
        .frames_in      (frames_in),
        .frames_out     (frames_out),
        .latency        (latency),
        .interval       (interval),
        .interrupt      (interrupt)
    );

    // Batches.

    logic [ADDRESS_BITS-3:0] source_words, target_words, read_words, write_words;
    logic [ADDRESS_BITS-4:0] read_address, write_address;
    logic [2:0]  source_tail, target_tail, read_tail;
    logic        source_too_long, target_too_long, write_half;
    logic        read_valid, read_ready, write_valid, write_ready, pack_valid, pack_ready;
    logic [31:0] pack_last_frame;

    batch_length #(
        .ADDRESS_BITS (ADDRESS_BITS),
        .FRAME_BYTES  (IN_BYTES * IN_BEATS)
    ) source_length (
        .clk      (aclk),
        .rst_n    (aresetn),
        .start    (frames_changed),
        .frames   (frames),
        .ready    (source_ready),
        .words    (source_words),
        .tail     (source_tail),
        .too_long (source_too_long)
    );

    batch_length #(
        .ADDRESS_BITS (ADDRESS_BITS),
        .FRAME_BYTES  (4 * OUT_LANES * OUT_BEATS)
    ) target_length (
        .clk      (aclk),
        .rst_n    (aresetn),
        .start    (frames_changed),
        .frames   (frames),
        .ready    (target_ready),
        .words    (target_words),
        .tail     (target_tail),
        .too_long (target_too_long)
    );

    // A batch started during a soft reset is refused, too.
    logic refused;
    assign overrun = refused || (start && resetting);

    batch_queue #(
        .ADDRESS_BITS (ADDRESS_BITS),
        .CAPACITY     (CAPACITY)
    ) batches (
        .clk              (aclk),
        .rst_n            (flow_rst_n),
        .start            (start),
        .source           (source),
        .target           (target),
        .frames           (frames),
        .source_words     (source_words),
        .source_tail      (source_tail),
        .source_too_long  (source_too_long),
        .target_words     (target_words),
        .target_half      (target_tail != '0),
        .target_too_long  (target_too_long),
        .descriptor_error (descriptor_error),
        .overrun          (refused),
        .queued           (queued),
        .full             (full),
        .read_address     (read_address),
        .read_words       (read_words),
        .read_tail        (read_tail),
        .read_valid       (read_valid),
        .read_ready       (read_ready),
        .pack_last_frame  (pack_last_frame),
        .pack_valid       (pack_valid),
        .pack_ready       (pack_ready),
        .write_address    (write_address),
        .write_words      (write_words),
        .write_half       (write_half),
        .write_valid      (write_valid),
        .write_ready      (write_ready),
        .done             (done)
    );

    // From memory into the accelerator.

    logic [63:0] word;
    logic [2:0]  word_tail;
    logic        word_valid, word_ready;
    logic [COUNT_BITS-1:0] word_slices;

    dma_read #(
        .ADDRESS_BITS (ADDRESS_BITS),
        .BURSTS       (BURSTS)
    ) reader (
        .clk              (aclk),
        .rst_n            (dma_rst_n),
        .stop             (stop),
        .busy             (read_busy),
        .response_error   (read_response_error),
        .protocol_error   (read_protocol_error),
        .transfer_address (read_address),
        .transfer_words   (read_words),
        .transfer_tail    (read_tail),
        .transfer_valid   (read_valid),
        .transfer_ready   (read_ready),
        .m_axi_araddr     (m_axi_araddr),
        .m_axi_arlen      (arlen),
        .m_axi_arvalid    (m_axi_arvalid),
        .m_axi_arready    (m_axi_arready),
        .m_axi_rdata      (m_axi_rdata),
        .m_axi_rerror     (m_axi_rresp[1]),
        .m_axi_rlast      (m_axi_rlast),
        .m_axi_rvalid     (m_axi_rvalid),
        .out_data         (word),
        .out_tail         (word_tail),
        .out_valid        (word_valid),
        .out_ready        (word_ready)
    );

    // A batch consists of whole beats, so its last word ends with a whole slice.
    assign word_slices = word_tail == '0 ? COUNT_BITS'(SLICES)
                                         : COUNT_BITS'(int'(word_tail) / SLICE);

    gearbox #(
        .W   (8 * SLICE),
        .IN  (SLICES),
        .OUT (IN_BYTES / SLICE)
    ) unpacker (
        .clk       (aclk),
        .rst_n     (flow_rst_n),
        .in_data   (word),
        .in_count  (word_slices),
        .in_valid  (word_valid),
        .in_ready  (word_ready),
        .out_data  (in_tdata),
        .out_valid (in_tvalid),
        .out_ready (in_tready)
    );

    stream_monitor #(
        .IN_BEATS       (IN_BEATS),
        .OUT_BEATS      (OUT_BEATS),
        .OUT_TDATA_BITS (OUT_TDATA_BITS)
    ) monitor (
        .clk        (aclk),
        .rst_n      (flow_rst_n),
        .idle       (queued == '0),
        .in_valid   (in_tvalid),
        .in_ready   (in_tready),
        .out_data   (out_tdata),
        .out_valid  (out_tvalid),
        .out_ready  (out_tready),
        .broken     (stream_error),
        .frames_in  (frames_in),
        .frames_out (frames_out),
        .latency    (latency),
        .interval   (interval)
    );

    // From the accelerator to memory.

    logic [OUT_TDATA_BITS-1:0] values;
    logic [63:0] pair;
    logic        values_valid, values_ready, pair_valid, pair_ready;

    register_slice #(
        .W (OUT_TDATA_BITS)
    ) slice (
        .clk       (aclk),
        .rst_n     (flow_rst_n),
        .in_data   (out_tdata),
        .in_valid  (out_tvalid),
        .in_ready  (out_tready),
        .out_data  (values),
        .out_valid (values_valid),
        .out_ready (values_ready)
    );

    value_packer #(
        .LANES      (OUT_LANES),
        .BITS       (OUT_BITS),
        .BEATS      (OUT_BEATS),
        .TDATA_BITS (OUT_TDATA_BITS)
    ) packer (
        .clk             (aclk),
        .rst_n           (flow_rst_n),
        .batch_last_frame (pack_last_frame),
        .batch_valid     (pack_valid),
        .batch_ready     (pack_ready),
        .in_data         (values),
        .in_valid        (values_valid),
        .in_ready        (values_ready),
        .out_data        (pair),
        .out_valid       (pair_valid),
        .out_ready       (pair_ready)
    );

    dma_write #(
        .ADDRESS_BITS (ADDRESS_BITS),
        .BURSTS       (BURSTS)
    ) writer (
        .clk              (aclk),
        .rst_n            (dma_rst_n),
        .stop             (stop),
        .busy             (write_busy),
        .done             (done),
        .response_error   (write_response_error),
        .protocol_error   (write_protocol_error),
        .transfer_address (write_address),
        .transfer_words   (write_words),
        .transfer_half    (write_half),
        .transfer_valid   (write_valid),
        .transfer_ready   (write_ready),
        .in_data          (pair),
        .in_valid         (pair_valid),
        .in_ready         (pair_ready),
        .m_axi_awaddr     (m_axi_awaddr),
        .m_axi_awlen      (awlen),
        .m_axi_awvalid    (m_axi_awvalid),
        .m_axi_awready    (m_axi_awready),
        .m_axi_wdata      (m_axi_wdata),
        .m_axi_wstrb      (m_axi_wstrb),
        .m_axi_wlast      (m_axi_wlast),
        .m_axi_wvalid     (m_axi_wvalid),
        .m_axi_wready     (m_axi_wready),
        .m_axi_berror     (m_axi_bresp[1]),
        .m_axi_bvalid     (m_axi_bvalid)
    );

endmodule

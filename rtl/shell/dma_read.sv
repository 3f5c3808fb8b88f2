// DMA reader: streams transfers of consecutive 64-bit words from memory, one after the other. It
// requests a burst only when the FIFO has room for all of it, so data never waits on the bus:
// rready is always high. It reports a slave that asserts RLAST at the wrong beat or sends data that
// was not requested. A burst then ends at RLAST or at its full length, whichever comes first, so
// every burst ends and the FIFO never overflows.

module dma_read #(
    parameter int ADDRESS_BITS = 32,  // of an address in bytes, 13 to 64
    parameter int BURSTS = 8          // most in flight, at least 2; the FIFO holds as many
) (
    input  logic                    clk,
    input  logic                    rst_n,             // synchronous, active low; not while busy

    input  logic                    stop,              // request nothing more
    output logic                    busy,              // a request has not been answered yet
    output logic                    response_error,    // the memory responded with an error
    output logic                    protocol_error,    // wrong RLAST, or data not requested

    input  logic [ADDRESS_BITS-4:0] transfer_address,  // of its first word, in words
    input  logic [ADDRESS_BITS-3:0] transfer_words,    // at least 1
    input  logic [2:0]              transfer_tail,     // bytes of its last word, 0 for all 8
    input  logic                    transfer_valid,
    output logic                    transfer_ready,

    output logic [ADDRESS_BITS-1:0] m_axi_araddr,      // the bus
    output logic [3:0]              m_axi_arlen,       // beats - 1
    output logic                    m_axi_arvalid,
    input  logic                    m_axi_arready,
    input  logic [63:0]             m_axi_rdata,
    input  logic                    m_axi_rerror,      // RRESP[1]
    input  logic                    m_axi_rlast,
    input  logic                    m_axi_rvalid,      // taken in this cycle

    output logic [63:0]             out_data,          // a word, its first byte lowest
    output logic [2:0]              out_tail,          // valid bytes, 0 for all 8
    output logic                    out_valid,
    input  logic                    out_ready
);

    if (BURSTS < 2) begin : check_bursts
        $error("dma_read: BURSTS = %0d, must be at least 2", BURSTS);
    end

    localparam int DEPTH = 16 * BURSTS;
    localparam int FREE_BITS = $clog2(DEPTH + 1);
    localparam int FLIGHT_BITS = $clog2(BURSTS + 1);
    typedef logic [FREE_BITS-1:0] free_t;
    typedef logic [FLIGHT_BITS-1:0] flight_t;

    // Splitting transfers into bursts.

    logic [ADDRESS_BITS-4:0] burst_address;
    logic [3:0] burst_len;
    logic       burst_last, burst_valid, issue;
    logic [2:0] burst_tail;

    burst_splitter #(
        .ADDRESS_BITS (ADDRESS_BITS),
        .TAG_BITS     (3)
    ) splitter (
        .clk              (clk),
        .rst_n            (rst_n),
        .transfer_address (transfer_address),
        .transfer_words   (transfer_words),
        .transfer_tag     (transfer_tail),
        .transfer_valid   (transfer_valid),
        .transfer_ready   (transfer_ready),
        .burst_address    (burst_address),
        .burst_len        (burst_len),
        .burst_last       (burst_last),
        .burst_tag        (burst_tail),
        .burst_valid      (burst_valid),
        .burst_ready      (issue)
    );

    // Requesting. A burst reserves its room in the FIFO from here until its words have left the
    // FIFO. Room is counted a cycle late; the splitter keeps a burst's length for that cycle. That a
    // burst may be issued is found a cycle ahead: until it is, room only grows and bursts only end.

    free_t      free;       // words that there is room for
    flight_t    in_flight;  // bursts, the one on the bus included
    logic [2:0] ar_tail;    // of the burst on the bus, 0 unless it is a transfer's last one
    logic       may_issue, issued, asked, ended, left;

    assign issue = may_issue && !m_axi_arvalid && !stop;
    assign asked = m_axi_arvalid && m_axi_arready;
    assign busy = in_flight != '0;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            m_axi_arvalid <= 1'b0;
            in_flight     <= '0;
            free          <= free_t'(DEPTH);
            may_issue     <= 1'b0;
            issued        <= 1'b0;
            left          <= 1'b0;
        end else begin
            may_issue <= burst_valid && !issue
                && free >= free_t'(16) && in_flight != flight_t'(BURSTS);
            issued <= issue;
            left   <= out_valid && out_ready;
            if (issue) m_axi_arvalid <= 1'b1;
            else if (m_axi_arready) m_axi_arvalid <= 1'b0;
            if (issue && !ended) in_flight <= in_flight + 1'b1;
            else if (ended && !issue) in_flight <= in_flight - 1'b1;
            free <= free - (issued ? free_t'(burst_len) + 1'b1 : '0) + free_t'(left);
        end
    end

    always_ff @(posedge clk) begin
        if (issue) begin
            m_axi_araddr <= {burst_address, 3'd0};
            m_axi_arlen  <= burst_len;
            ar_tail      <= burst_last ? burst_tail : '0;
        end
    end

    // Outstanding bursts: those that the memory has accepted, in order.

    logic [3:0] owed_len;
    logic [2:0] owed_tail;
    logic       owed, owed_ready;

    stream_fifo #(
        .W     (7),
        .DEPTH (BURSTS)
    ) owing (
        .clk       (clk),
        .rst_n     (rst_n),
        .in_data   ({ar_tail, m_axi_arlen}),
        .in_valid  (asked),
        .in_ready  (owed_ready),
        .out_data  ({owed_tail, owed_len}),
        .out_valid (owed),
        .out_ready (ended)
    );

    // Receiving. A beat is checked in the cycle after it arrived.

    logic        came, came_error, came_last;
    logic [63:0] came_data;
    logic [3:0]  beat;  // of the burst
    logic        full_length, fifo_ready;

    always_ff @(posedge clk) begin
        if (!rst_n) came <= 1'b0;
        else came <= m_axi_rvalid;
        came_data  <= m_axi_rdata;
        came_error <= m_axi_rerror;
        came_last  <= m_axi_rlast;
    end

    assign full_length = beat == owed_len;
    assign ended = came && owed && (full_length || came_last);
    assign response_error = came && came_error;
    assign protocol_error = came && (!owed || full_length != came_last);

    always_ff @(posedge clk) begin
        if (!rst_n || ended) beat <= '0;
        else if (came && owed) beat <= beat + 1'b1;
    end

    stream_fifo #(
        .W     (67),
        .DEPTH (DEPTH)
    ) words (
        .clk       (clk),
        .rst_n     (rst_n),
        .in_data   ({full_length ? owed_tail : 3'd0, came_data}),
        .in_valid  (came && owed),
        .in_ready  (fifo_ready),
        .out_data  ({out_tail, out_data}),
        .out_valid (out_valid),
        .out_ready (out_ready)
    );

    // Requests are limited so that there is always room.
    logic unused;
    assign unused = ^{owed_ready, fifo_ready};

endmodule

// DMA writer: writes a stream of 64-bit words to transfers of consecutive words in memory, one
// after the other. It issues a burst only when it holds all its words, so a burst never waits for
// data on the bus: whatever happens to the stream, an issued burst is completed.

module dma_write #(
    parameter int ADDRESS_BITS = 32,  // of an address in bytes, 13 to 64
    parameter int BURSTS = 8,         // most in flight, at least 2
    parameter int DEPTH = 64          // words that the FIFO holds, at least 16
) (
    input  logic                    clk,
    input  logic                    rst_n,             // synchronous, active low; not while busy

    input  logic                    stop,              // issue nothing more
    output logic                    busy,              // an issued burst has no response yet
    output logic                    done,              // a transfer's last response has come
    output logic                    response_error,    // the memory responded with an error
    output logic                    protocol_error,    // an unexpected response

    input  logic [ADDRESS_BITS-4:0] transfer_address,  // of its first word, in words
    input  logic [ADDRESS_BITS-3:0] transfer_words,    // at least 1
    input  logic                    transfer_half,     // only the lower half of its last word
    input  logic                    transfer_valid,
    output logic                    transfer_ready,

    input  logic [63:0]             in_data,           // a word, its first byte lowest
    input  logic                    in_valid,
    output logic                    in_ready,

    output logic [ADDRESS_BITS-1:0] m_axi_awaddr,      // the bus
    output logic [3:0]              m_axi_awlen,       // beats - 1
    output logic                    m_axi_awvalid,
    input  logic                    m_axi_awready,
    output logic [63:0]             m_axi_wdata,
    output logic [7:0]              m_axi_wstrb,
    output logic                    m_axi_wlast,
    output logic                    m_axi_wvalid,
    input  logic                    m_axi_wready,
    input  logic                    m_axi_berror,      // BRESP[1]
    input  logic                    m_axi_bvalid       // taken in this cycle
);

    if (BURSTS < 2) begin : check_bursts
        $error("dma_write: BURSTS = %0d, must be at least 2", BURSTS);
    end
    if (DEPTH < 16) begin : check_depth
        $error("dma_write: DEPTH = %0d, must be at least 16", DEPTH);
    end

    localparam int HELD_BITS = $clog2(DEPTH + 2);  // the FIFO's output register holds one more
    localparam int FLIGHT_BITS = $clog2(BURSTS + 1);
    typedef logic [HELD_BITS-1:0] held_t;
    typedef logic [FLIGHT_BITS-1:0] flight_t;

    // Splitting transfers into bursts.

    logic [ADDRESS_BITS-4:0] burst_address;
    logic [3:0] burst_len;
    logic       burst_last, burst_half, burst_valid, issue;

    burst_splitter #(
        .ADDRESS_BITS (ADDRESS_BITS),
        .TAG_BITS     (1)
    ) splitter (
        .clk              (clk),
        .rst_n            (rst_n),
        .transfer_address (transfer_address),
        .transfer_words   (transfer_words),
        .transfer_tag     (transfer_half),
        .transfer_valid   (transfer_valid),
        .transfer_ready   (transfer_ready),
        .burst_address    (burst_address),
        .burst_len        (burst_len),
        .burst_last       (burst_last),
        .burst_tag        (burst_half),
        .burst_valid      (burst_valid),
        .burst_ready      (issue)
    );

    // The words, and how many of them have no burst yet. They are counted a cycle late, words that
    // came and words of a burst that was issued; the splitter keeps its length for that cycle.

    logic [63:0] word;
    logic        word_valid, word_ready;
    held_t       held;
    logic        arrived, issued;

    stream_fifo #(
        .W     (64),
        .DEPTH (DEPTH)
    ) words (
        .clk       (clk),
        .rst_n     (rst_n),
        .in_data   (in_data),
        .in_valid  (in_valid),
        .in_ready  (in_ready),
        .out_data  (word),
        .out_valid (word_valid),
        .out_ready (word_ready)
    );

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            held    <= '0;
            arrived <= 1'b0;
            issued  <= 1'b0;
        end else begin
            held    <= held + held_t'(arrived) - (issued ? held_t'(burst_len) + 1'b1 : '0);
            arrived <= in_valid && in_ready;
            issued  <= issue;
        end
    end

    // Issuing. That a burst may be issued is found a cycle ahead: until it is, words only come and
    // bursts only end.

    flight_t in_flight;  // bursts, from when they are issued
    logic    answered;   // an expected response has come
    logic    may_issue;

    assign issue = may_issue && !m_axi_awvalid && !stop;
    assign busy = in_flight != '0;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            m_axi_awvalid <= 1'b0;
            in_flight     <= '0;
            may_issue     <= 1'b0;
        end else begin
            may_issue <= burst_valid && !issue
                && held > held_t'(burst_len) && in_flight != flight_t'(BURSTS);
            if (issue) m_axi_awvalid <= 1'b1;
            else if (m_axi_awready) m_axi_awvalid <= 1'b0;
            if (issue && !answered) in_flight <= in_flight + 1'b1;
            else if (answered && !issue) in_flight <= in_flight - 1'b1;
        end
    end

    always_ff @(posedge clk) begin
        if (issue) begin
            m_axi_awaddr <= {burst_address, 3'd0};
            m_axi_awlen  <= burst_len;
        end
    end

    // Sending. Data may overtake its address: it must not wait for the address to be taken.

    logic [3:0] send_len;
    logic       send_half, send, sent, sending_ready;
    logic [3:0] beat;
    logic       load;

    stream_fifo #(
        .W     (5),
        .DEPTH (BURSTS)
    ) sending (
        .clk       (clk),
        .rst_n     (rst_n),
        .in_data   ({burst_last && burst_half, burst_len}),
        .in_valid  (issue),
        .in_ready  (sending_ready),
        .out_data  ({send_half, send_len}),
        .out_valid (send),
        .out_ready (sent)
    );

    assign word_ready = send && (!m_axi_wvalid || m_axi_wready);
    assign load = word_ready && word_valid;
    assign sent = load && beat == send_len;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            m_axi_wvalid <= 1'b0;
            beat         <= '0;
        end else begin
            if (load) m_axi_wvalid <= 1'b1;
            else if (m_axi_wready) m_axi_wvalid <= 1'b0;
            if (load) beat <= sent ? '0 : beat + 1'b1;
        end
    end

    always_ff @(posedge clk) begin
        if (load) begin
            m_axi_wdata <= word;
            m_axi_wstrb <= sent && send_half ? 8'h0f : 8'hff;
            m_axi_wlast <= sent;
        end
    end

    // Responses. One is expected once both address and data of a burst have been taken. It is
    // checked in the cycle after it arrived.

    logic    came, came_error, expected, ends, ending, ending_ready;
    flight_t addresses, bursts;  // taken, without response
    logic    address_taken, burst_taken;

    always_ff @(posedge clk) begin
        if (!rst_n) came <= 1'b0;
        else came <= m_axi_bvalid;
        came_error <= m_axi_berror;
    end

    assign answered = came && expected;
    assign address_taken = m_axi_awvalid && m_axi_awready;
    assign burst_taken = m_axi_wvalid && m_axi_wready && m_axi_wlast;
    assign response_error = came && came_error;
    assign protocol_error = came && !answered;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            addresses <= '0;
            bursts    <= '0;
            expected  <= 1'b0;
            done      <= 1'b0;
        end else begin
            expected <= (address_taken || addresses > flight_t'(answered))
                && (burst_taken || bursts > flight_t'(answered));
            done <= answered && ends && ending && !came_error && !stop;
            if (address_taken && !answered) addresses <= addresses + 1'b1;
            else if (answered && !address_taken) addresses <= addresses - 1'b1;
            if (burst_taken && !answered) bursts <= bursts + 1'b1;
            else if (answered && !burst_taken) bursts <= bursts - 1'b1;
        end
    end

    stream_fifo #(
        .W     (1),
        .DEPTH (BURSTS)
    ) endings (
        .clk       (clk),
        .rst_n     (rst_n),
        .in_data   (burst_last),
        .in_valid  (issue),
        .in_ready  (ending_ready),
        .out_data  (ends),
        .out_valid (ending),
        .out_ready (answered)
    );

    // The limit on bursts in flight guarantees room in the FIFOs.
    logic unused;
    assign unused = ^{sending_ready, ending_ready};

endmodule

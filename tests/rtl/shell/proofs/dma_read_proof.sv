// The reader requests no more bursts than its limit, and only if there is room for them: whatever
// the memory responds, neither FIFO overflows. An offered request stays. When the reader is not
// busy, no data is outstanding.

module dma_read_proof #(
    parameter int ADDRESS_BITS = 13,
    parameter int BURSTS = 2
) (
    input logic                    clk,
    input logic                    rst_n,
    input logic                    stop,
    input logic [ADDRESS_BITS-4:0] transfer_address,
    input logic [ADDRESS_BITS-3:0] transfer_words,
    input logic [2:0]              transfer_tail,
    input logic                    transfer_valid,
    input logic                    m_axi_arready,
    input logic [63:0]             m_axi_rdata,
    input logic                    m_axi_rerror,
    input logic                    m_axi_rlast,
    input logic                    m_axi_rvalid,
    input logic                    out_ready
);

    localparam int DEPTH = 16 * BURSTS;

    logic                    busy, response_error, protocol_error, transfer_ready;
    logic [ADDRESS_BITS-1:0] m_axi_araddr;
    logic [3:0]              m_axi_arlen;
    logic                    m_axi_arvalid, out_valid;
    logic [63:0]             out_data;
    logic [2:0]              out_tail;

    dma_read #(.ADDRESS_BITS(ADDRESS_BITS), .BURSTS(BURSTS)) dut (.*);

    // Outstanding words: those of bursts that were requested and have not ended.
    int owing, age;
    always_comb begin
        owing = m_axi_arvalid ? int'(m_axi_arlen) + 1 : 0;
        if (dut.owed) owing += int'(dut.owed_len) + 1 - int'(dut.beat);
        for (int i = 0; i < BURSTS; i++) begin
            age = (BURSTS + i - int'(dut.owing.read_addr)) % BURSTS;
            if (age < int'(dut.owing.held)) owing += int'(dut.owing.beats[i][3:0]) + 1;
        end
    end

    // The same, counted by an observer of the bus: accepted bursts, beats not yet checked.
    int  outside;
    logic waited, started;
    logic [ADDRESS_BITS+3:0] offered;

    always_ff @(posedge clk) begin
        if (!rst_n) outside <= 0;
        else outside <= outside + int'(m_axi_arvalid && m_axi_arready) - int'(dut.ended);
        waited  <= rst_n && m_axi_arvalid && !m_axi_arready;
        offered <= {m_axi_araddr, m_axi_arlen};
    end

    always_comb begin
        if (rst_n) begin
            if (waited) assert (m_axi_arvalid && {m_axi_araddr, m_axi_arlen} == offered);
            // Invariants of the FIFOs.
            assert (int'(dut.owing.held) <= BURSTS && int'(dut.words.held) <= DEPTH);
            assert (int'(dut.owing.read_addr) < BURSTS);
            assert (int'(dut.owing.write_addr)
                    == (int'(dut.owing.read_addr) + int'(dut.owing.held)) % BURSTS);
            if (dut.owing.held != '0 && !dut.owed) assert (dut.beat == '0);
            if (dut.owed) assert (dut.beat <= dut.owed_len);
            else assert (dut.beat == '0);
            // Bursts.
            assert (outside == int'(dut.owing.held) + int'(dut.owed));
            assert (int'(dut.in_flight) == outside + int'(m_axi_arvalid));
            assert (int'(dut.in_flight) <= BURSTS);
            if (!busy) assert (owing == 0 && !m_axi_arvalid && outside == 0);
            // Words.
            assert (int'(dut.free) + int'(dut.left) - (dut.issued ? int'(dut.burst_len) + 1 : 0)
                    + int'(dut.words.held) + int'(out_valid) + owing <= DEPTH);
            if (dut.issued)
                assert (!dut.burst_valid && !dut.may_issue && dut.free > dut.burst_len);
            if (dut.may_issue)
                assert (dut.burst_valid && dut.free >= 16 && int'(dut.in_flight) < BURSTS);
            if (dut.asked) assert (dut.owed_ready);
            if (dut.came && dut.owed) assert (dut.fifo_ready);
        end
    end

endmodule

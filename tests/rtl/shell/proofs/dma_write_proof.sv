// The writer issues no more bursts than its limit, and only those whose words it holds: an issued
// burst is sent without waiting for the stream. Offers stay. When the writer is not busy, nothing
// is under way.

module dma_write_proof #(
    parameter int ADDRESS_BITS = 13,
    parameter int BURSTS = 2,
    parameter int DEPTH = 16
) (
    input logic                    clk,
    input logic                    rst_n,
    input logic                    stop,
    input logic [ADDRESS_BITS-4:0] transfer_address,
    input logic [ADDRESS_BITS-3:0] transfer_words,
    input logic                    transfer_half,
    input logic                    transfer_valid,
    input logic [63:0]             in_data,
    input logic                    in_valid,
    input logic                    m_axi_awready,
    input logic                    m_axi_wready,
    input logic                    m_axi_berror,
    input logic                    m_axi_bvalid
);

    logic                    busy, done, response_error, protocol_error, transfer_ready, in_ready;
    logic [ADDRESS_BITS-1:0] m_axi_awaddr;
    logic [3:0]              m_axi_awlen;
    logic                    m_axi_awvalid, m_axi_wlast, m_axi_wvalid;
    logic [63:0]             m_axi_wdata;
    logic [7:0]              m_axi_wstrb;

    dma_write #(.ADDRESS_BITS(ADDRESS_BITS), .BURSTS(BURSTS), .DEPTH(DEPTH)) dut (.*);

    // Words of issued bursts that are not yet on their way to the bus.
    int owing, age;
    always_comb begin
        owing = dut.send ? int'(dut.send_len) + 1 - int'(dut.beat) : 0;
        for (int i = 0; i < BURSTS; i++) begin
            age = (BURSTS + i - int'(dut.sending.read_addr)) % BURSTS;
            if (age < int'(dut.sending.held)) owing += int'(dut.sending.beats[i][3:0]) + 1;
        end
    end

    logic aw_waited, w_waited;
    logic [ADDRESS_BITS+3:0] aw_offered;
    logic [72:0] w_offered;

    always_ff @(posedge clk) begin
        aw_waited  <= rst_n && m_axi_awvalid && !m_axi_awready;
        aw_offered <= {m_axi_awaddr, m_axi_awlen};
        w_waited   <= rst_n && m_axi_wvalid && !m_axi_wready;
        w_offered  <= {m_axi_wdata, m_axi_wstrb, m_axi_wlast};
    end

    int in_flight;
    assign in_flight = int'(dut.in_flight);

    always_comb begin
        if (rst_n) begin
            if (aw_waited) assert (m_axi_awvalid && {m_axi_awaddr, m_axi_awlen} == aw_offered);
            if (w_waited)
                assert (m_axi_wvalid && {m_axi_wdata, m_axi_wstrb, m_axi_wlast} == w_offered);
            // Invariants of the FIFOs.
            assert (int'(dut.sending.held) <= BURSTS && int'(dut.endings.held) <= BURSTS);
            assert (int'(dut.words.held) <= DEPTH);
            assert (int'(dut.sending.read_addr) < BURSTS);
            assert (int'(dut.sending.write_addr)
                    == (int'(dut.sending.read_addr) + int'(dut.sending.held)) % BURSTS);
            if (dut.send) assert (dut.beat <= dut.send_len);
            else assert (dut.beat == '0);
            // Bursts.
            assert (in_flight <= BURSTS);
            assert (in_flight == int'(m_axi_awvalid) + int'(dut.addresses));
            assert (in_flight == int'(dut.sending.held) + int'(dut.send)
                    + int'(m_axi_wvalid && m_axi_wlast) + int'(dut.bursts));
            assert (in_flight == int'(dut.endings.held) + int'(dut.ending));
            if (!dut.ending) assert (dut.addresses == '0);
            assert (dut.expected == (dut.addresses != '0 && dut.bursts != '0));
            if (dut.answered) assert (dut.ending);
            if (dut.issue) assert (dut.sending_ready && dut.ending_ready);
            if (!busy) assert (!m_axi_awvalid && owing == 0 && !(m_axi_wvalid && m_axi_wlast));
            if (m_axi_wvalid && !m_axi_wlast) assert (dut.send && dut.beat != '0);
            if (dut.send && dut.beat != '0 && m_axi_wvalid) assert (!m_axi_wlast);
            // Words.
            assert (int'(dut.words.held) + int'(dut.word_valid)
                    == int'(dut.held) + int'(dut.arrived) + owing
                    - (dut.issued ? int'(dut.burst_len) + 1 : 0));
            if (dut.issued)
                assert (!dut.burst_valid && !dut.may_issue && dut.held > dut.burst_len);
            if (dut.may_issue)
                assert (dut.burst_valid && dut.held > dut.burst_len && in_flight < BURSTS);
        end
    end

endmodule

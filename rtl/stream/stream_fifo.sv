// Stream FIFO: DEPTH beats in LUT-RAM or block RAM, plus one in the memory's output register. One
// beat per cycle, two cycles of latency. in_ready and out_valid depend on flip-flops only, so the
// FIFO cuts the handshake's timing paths in both directions.

module stream_fifo #(
    parameter int W = 8,      // width of a beat in bits, at least 1
    parameter int DEPTH = 2,  // beats held, at least 2
    parameter RAM_STYLE = "distributed"  // or "block"
) (
    input  logic         clk,
    input  logic         rst_n,      // synchronous, active low

    input  logic [W-1:0] in_data,    // beat from the producer
    input  logic         in_valid,
    output logic         in_ready,

    output logic [W-1:0] out_data,   // beat to the consumer
    output logic         out_valid,
    input  logic         out_ready
);

    if (W < 1) begin : check_w
        $error("stream_fifo: W = %0d, must be at least 1", W);
    end
    if (DEPTH < 2) begin : check_depth
        $error("stream_fifo: DEPTH = %0d, must be at least 2", DEPTH);
    end

    // A string has one byte per letter; "distributed" has 11.
    if (88'(RAM_STYLE) != "distributed" && 88'(RAM_STYLE) != 88'("block")) begin : check_ram_style
        $error("stream_fifo: RAM_STYLE = %0s, must be distributed or block", RAM_STYLE);
    end

    localparam int ADDR_BITS = $clog2(DEPTH);
    localparam int HELD_BITS = $clog2(DEPTH + 1);

    typedef logic [ADDR_BITS-1:0] addr_t;
    typedef logic [HELD_BITS-1:0] held_t;

    (* ram_style = RAM_STYLE *) logic [W-1:0] beats [0:DEPTH-1];
    addr_t write_addr, read_addr;
    held_t held;         // beats in the memory
    logic  write, read;

    assign in_ready = held != held_t'(DEPTH);
    assign write = in_valid && in_ready;
    assign read = held != '0 && (out_ready || !out_valid);

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            held       <= '0;
            write_addr <= '0;
            read_addr  <= '0;
        end else begin
            if (write && !read) held <= held + 1'b1;
            else if (read && !write) held <= held - 1'b1;
            if (write) write_addr <= write_addr == addr_t'(DEPTH - 1) ? '0 : write_addr + 1'b1;
            if (read) read_addr <= read_addr == addr_t'(DEPTH - 1) ? '0 : read_addr + 1'b1;
        end
    end

    always_ff @(posedge clk) begin
        if (write) beats[write_addr] <= in_data;
        if (read) out_data <= beats[read_addr];
    end

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (read) out_valid <= 1'b1;
        else if (out_ready) out_valid <= 1'b0;
    end

endmodule

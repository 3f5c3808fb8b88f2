// Reset control: aresetn resets everything at once, a soft reset without breaking what is under
// way on the bus: the accelerator and what feeds it are reset at once, the DMA when all that it
// has begun has ended. Then both stay in reset for 16 cycles more.

module reset_control (
    input  logic clk,
    input  logic rst_n,       // synchronous, active low: of everything

    input  logic request,     // begin a soft reset
    input  logic busy,        // something is under way on the bus
    output logic resetting,   // from the request until it is over

    output logic acc_rst_n,   // synchronous, active low: accelerator; from a flip-flop
    output logic flow_rst_n,  // likewise: queue, streams, counters
    output logic dma_rst_n    // likewise: DMA
);

    logic       begun;        // a soft reset, not over
    logic       quiet;        // nothing is under way: the DMA is in reset
    logic [3:0] cycles;       // since then

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            begun  <= 1'b0;
            quiet  <= 1'b0;
            cycles <= '0;
        end else if (!begun) begin
            begun <= request;
        end else if (!quiet) begin
            quiet <= !busy;
        end else begin
            cycles <= cycles + 1'b1;
            if (&cycles) begin
                begun <= 1'b0;
                quiet <= 1'b0;
            end
        end
    end

    always_ff @(posedge clk) acc_rst_n <= rst_n && !begun;

    // The accelerator is reset a cycle late: until then what it offers must not be taken.
    assign resetting = begun || !acc_rst_n;
    assign flow_rst_n = rst_n && !resetting;
    assign dma_rst_n = rst_n && !quiet;

endmodule

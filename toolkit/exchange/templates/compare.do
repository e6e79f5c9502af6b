version 16
global wrong = 0
capture program drop compare
program define compare
    args what theirs ours
    local difference = abs(`theirs' - `ours')
    display as text %-60s `"`what'"' as result %16.8g `ours' %16.8g `theirs' %12.3g `difference'
    if !(`difference' <= 0.0001 * max(1, abs(`ours'))) {
        display as error "  differs"
        global wrong = $wrong + 1
    }
end
capture program drop finish
program define finish
    if $wrong > 0 {
        display as error "$wrong numbers differ from evipool's by more than the tolerance"
        exit 9
    }
    display as text "all numbers agree"
end
display as text %-60s "number" %16s "evipool" %16s "Stata" %12s "difference"


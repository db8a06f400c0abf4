// Reads a configuration of Alloy with Alloy's own parser; prints what is wrong with it.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/parser"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		var file *ast.File
		if file, err = parser.ParseFile(os.Args[1], text); err == nil {
			for _, statement := range file.Body {
				if block, ok := statement.(*ast.BlockStmt); ok {
					fmt.Println(block.GetBlockName(), block.Label)
				}
			}
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

import a11y from "eslint-plugin-jsx-a11y";
import react from "eslint-plugin-react";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "src/generated/", "node_modules/"] },
  tseslint.configs.recommended,
  {
    files: ["src/**/*.ts", "src/**/*.tsx"],
    extends: [tseslint.configs.recommendedTypeChecked, a11y.flatConfigs.recommended],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { react, "react-hooks": hooks },
    settings: { react: { version: "18.0" } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { varsIgnorePattern: "^_", argsIgnorePattern: "^_" },
      ],
      "react-hooks/rules-of-hooks": "error",
      // All visible text is in src/messages.
      "react/jsx-no-literals": [
        "error",
        { noStrings: true, ignoreProps: true, allowedStrings: [" ", "·", "(", ")"] },
      ],
      "no-restricted-syntax": [
        "error",
        {
          selector:
            "JSXAttribute[name.name=/^(?:label|title|hint|alt|aria-label|placeholder)$/] > Literal[value=/\\p{L}{2,}/u]",
          message: "Visible text is in src/messages.",
        },
      ],
      // The first field of a page that is one form gets the focus.
      "jsx-a11y/no-autofocus": "off",
    },
  },
  {
    // What stands in for `fetch` is asynchronous without waiting for anything, and nobody reads
    // the texts of tests.
    files: ["src/**/*.test.ts", "src/**/*.test.tsx"],
    rules: {
      "@typescript-eslint/require-await": "off",
      "react/jsx-no-literals": "off",
      "no-restricted-syntax": "off",
    },
  },
);

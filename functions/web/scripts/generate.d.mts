export function messages(): Promise<void>;
export function messageFiles(): Promise<string[]>;
